/* owner.c - descriptors whose signals go to one thread: F_SETOWN_EX, F_OWNER_TID.
 *
 * The kernel's signal goes to the hub's kernel thread, and on to that greenlet
 * from there. Who set an owner is noted here until the number is closed.
 */
#include <fcntl.h>
#include <poll.h>
#include "preload/calls/fd.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"

struct owner {
	struct gp_list link;
	int fd, tid;         /* the program's thread */
	uint32_t generation; /* of the number, then */
};

static struct gp_list owners; /* of the process; few */

static bool valid(struct gp_hub *h, const struct owner *o)
{
	const struct gp_fd *d = gp__fd(h, o->fd);

	return d && d->generation == o->generation;
}

/* The note for a number; those that mean nothing any more go. */
static struct owner *find(struct gp_hub *h, int fd)
{
	struct owner *found = NULL;

	if (!owners.next)
		gp__list_init(&owners);
	gp__list_each(n, &owners) {
		struct owner *o = gp__list_entry(n, struct owner, link);

		if (!valid(h, o)) {
			gp__list_del(n);
			gp__free(o);
		} else if (o->fd == fd) {
			found = o;
		}
	}
	return found;
}

void gp__owner_forget(struct gp_hub *h, int fd)
{
	struct owner *o = owners.next ? find(h, fd) : NULL;

	if (!o)
		return;
	gp__list_del(&o->link);
	gp__free(o);
}

long gp__owner_set(struct gp_hub *h, struct gp_frame *f)
{
	struct f_owner_ex owner;
	struct owner *o;
	long r;

	if (gp__copy(&owner, (void *)f->rdx, sizeof owner))
		return -EFAULT;
	if (owner.type != F_OWNER_TID || owner.pid == h->pid || !gp__thread_by_tid(h, owner.pid)) {
		r = gp__native(f);
		if (!r)
			gp__owner_forget(h, (int)f->rdi);
		return r;
	}
	o = find(h, (int)f->rdi);
	if (!o) {
		o = gp__fd(h, (int)f->rdi) ? gp__alloc(sizeof *o) : NULL;
		if (!o)
			return -ENOMEM;
		gp__list_append(&owners, &o->link);
	}
	*o = (struct owner){ .link = o->link, .fd = (int)f->rdi, .tid = owner.pid };
	o->generation = gp__fd(h, o->fd)->generation;
	owner.pid = h->tid;
	r = gp__raw(SYS_fcntl, f->rdi, F_SETOWN_EX, &owner);
	if (r)
		gp__owner_forget(h, o->fd);
	return r;
}

long gp__owner_get(struct gp_hub *h, struct gp_frame *f)
{
	struct owner *o = owners.next ? find(h, (int)f->rdi) : NULL;
	struct f_owner_ex owner = { F_OWNER_TID, o ? o->tid : 0 };

	if (!o)
		return gp__native(f);
	return gp__copy((void *)f->rdx, &owner, sizeof owner);
}

/* Without F_SETSIG the signal does not say which descriptor it is about. */
bool gp__owner_aimed(struct gp_hub *h, const siginfo_t *info, struct gp_guest **to)
{
	bool told = info->si_code >= POLL_IN && info->si_code <= POLL_HUP && info->si_signo != SIGCHLD;

	if (!owners.next || (!told && (info->si_signo != SIGIO || info->si_code != SI_KERNEL)))
		return false;
	gp__list_each(n, &owners) {
		struct owner *o = gp__list_entry(n, struct owner, link);

		if (!valid(h, o) || (told && o->fd != info->si_fd))
			continue;
		*to = gp__thread_by_tid(h, o->tid);
		return true;
	}
	return false;
}
