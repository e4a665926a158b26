/* list.c - the intrusive lists that everything hangs in. */
#include "unit.h"
#include "core/list.h"

struct item {
	struct gp_list link;
	int number;
};

/* The numbers in it, forwards and backwards; both directions must agree. */
static const char *numbers(struct gp_list *head)
{
	static char text[1024];
	size_t n = 0, items = 0;

	text[0] = 0;
	gp__list_each(i, head)
	{
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", n ? " " : "",
		                      gp__list_entry(i, struct item, link)->number);
		items++;
	}
	for (struct gp_list *i = head->prev; i != head; i = i->prev)
		items--;
	EXPECT_INT(items, 0);
	return text;
}

CASE("a new list is empty")
{
	struct gp_list l;

	gp__list_init(&l);
	EXPECT(gp__list_empty(&l));
	EXPECT_STR(numbers(&l), "");
}

CASE("append adds behind the last, prepend before the first")
{
	struct item a = { .number = 1 }, b = { .number = 2 }, c = { .number = 3 };
	struct gp_list l;

	gp__list_init(&l);
	gp__list_append(&l, &a.link);
	gp__list_append(&l, &b.link);
	gp__list_prepend(&l, &c.link);
	EXPECT_STR(numbers(&l), "3 1 2");
	EXPECT_INT(gp__list_first(&l, struct item, link)->number, 3);
}

CASE("a node can be taken out twice")
{
	struct item a = { .number = 1 }, b = { .number = 2 };
	struct gp_list l;

	gp__list_init(&l);
	gp__list_append(&l, &a.link);
	gp__list_append(&l, &b.link);
	gp__list_del(&a.link);
	gp__list_del(&a.link);
	EXPECT_STR(numbers(&l), "2");
	EXPECT(gp__list_empty(&a.link));
	gp__list_del(&b.link);
	EXPECT(gp__list_empty(&l));
}

CASE("splice moves all to the end and leaves nothing behind")
{
	struct item item[5];
	struct gp_list to, from;

	gp__list_init(&to);
	gp__list_init(&from);
	for (int i = 0; i < 5; i++) {
		item[i].number = i;
		gp__list_append(i < 2 ? &to : &from, &item[i].link);
	}
	gp__list_splice(&to, &from);
	EXPECT_STR(numbers(&to), "0 1 2 3 4");
	EXPECT(gp__list_empty(&from));
	gp__list_splice(&to, &from);
	EXPECT_STR(numbers(&to), "0 1 2 3 4");
	gp__list_splice(&from, &to);
	EXPECT_STR(numbers(&from), "0 1 2 3 4");
	EXPECT(gp__list_empty(&to));
}

CASE("a walk goes on when the node at hand is taken out")
{
	struct item item[6];
	struct gp_list l;

	gp__list_init(&l);
	for (int i = 0; i < 6; i++) {
		item[i].number = i;
		gp__list_append(&l, &item[i].link);
	}
	gp__list_each(n, &l) if (gp__list_entry(n, struct item, link)->number % 2) gp__list_del(n);
	EXPECT_STR(numbers(&l), "0 2 4");
}

CASE("random operations give what an array gives")
{
	struct item item[20];
	int model[20], count = 0;
	struct gp_list l;

	unit_seed();
	gp__list_init(&l);
	for (int i = 0; i < 20; i++) {
		item[i].number = i;
		gp__list_init(&item[i].link);
	}
	for (int step = 0; step < 2000; step++) {
		int i = (int)unit_random(20), at = 0;
		char want[256] = "";

		while (at < count && model[at] != i)
			at++;
		if (at < count) {
			gp__list_del(&item[i].link);
			memmove(model + at, model + at + 1, (size_t)(--count - at) * sizeof *model);
		} else if (unit_random(2)) {
			gp__list_append(&l, &item[i].link);
			model[count++] = i;
		} else {
			gp__list_prepend(&l, &item[i].link);
			memmove(model + 1, model, (size_t)count++ * sizeof *model);
			model[0] = i;
		}
		for (int j = 0; j < count; j++)
			sprintf(want + strlen(want), "%s%d", j ? " " : "", model[j]);
		EXPECT_STR(numbers(&l), want);
	}
}
