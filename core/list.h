/* list.h - intrusive, circular, doubly linked lists.
 *
 * A node that is in no list points to itself, so that taking it out twice is
 * harmless: a greenlet that is woken leaves its list, whoever wakes it.
 */
#ifndef GP_CORE_LIST_H
#define GP_CORE_LIST_H

#include "core/base.h"

struct gp_list {
	struct gp_list *next; /* the head itself when empty */
	struct gp_list *prev; /* the head itself when empty */
};

static inline void gp__list_init(struct gp_list *l) { l->next = l->prev = l; }
static inline bool gp__list_empty(const struct gp_list *l) { return l->next == l; }

static inline void gp__list_append(struct gp_list *head, struct gp_list *n)
{
	struct gp_list *last = head->prev;

	n->prev = last;
	n->next = head;
	last->next = n;
	head->prev = n;
}

static inline void gp__list_prepend(struct gp_list *head, struct gp_list *n)
{
	gp__list_append(head->next, n);
}

static inline void gp__list_del(struct gp_list *n)
{
	struct gp_list *prev = n->prev, *next = n->next;

	prev->next = next;
	next->prev = prev;
	gp__list_init(n);
}

/* Moves everything of `from` to the end of `to`; `from` is empty afterwards. */
static inline void gp__list_splice(struct gp_list *to, struct gp_list *from)
{
	if (gp__list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	gp__list_init(from);
}

#define gp__list_entry(ptr, type, member) gp__container_of(ptr, type, member)
#define gp__list_first(head, type, member) gp__list_entry((head)->next, type, member)
#define gp__list_each(pos, head) \
	for (struct gp_list *pos = (head)->next, *pos##_next = pos->next; pos != (head); \
	     pos = pos##_next, pos##_next = pos->next)

#endif
