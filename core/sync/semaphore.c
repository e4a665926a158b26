/* semaphore.c - so many at a time (greenpatch/semaphore.h).
 *
 * A release adds one and asks for a round (linkable.h), which wakes waiters
 * while the value is above 0. A waiter takes its one itself, when it runs; if it
 * is gone by then, it waits on. One that is killed in time leaves it to the
 * next. Called from greenlets.
 */
#include "core/sync/linkable.h"
#include "greenpatch/semaphore.h"

struct gp_semaphore {
	struct gp_linkable link;
	int value;
	int most; /* it may have */
};

static bool ready(const struct gp_linkable *l, const struct gp_waiter *first)
{
	return gp__container_of(l, struct gp_semaphore, link)->value > 0;
}

static struct gp_semaphore *make(unsigned value, int most)
{
	struct gp_semaphore *s = value <= INT_MAX ? gp__linkable_new(sizeof *s, ready) : NULL;

	if (!s)
		return NULL;
	s->value = (int)value;
	s->most = most;
	return s;
}

GP_API struct gp_semaphore *gp_semaphore_new(unsigned value)
{
	return make(value, INT_MAX);
}

GP_API struct gp_semaphore *gp_semaphore_new_bounded(unsigned value)
{
	return make(value, (int)value);
}

GP_API void gp_semaphore_free(struct gp_semaphore *s)
{
	if (s)
		gp__linkable_free(&s->link);
}

GP_API int gp_semaphore_acquire(struct gp_semaphore *s, int64_t deadline)
{
	struct gp_hub *h = s ? gp__linkable_hub(&s->link) : NULL;
	struct gp_waiter w;
	int r;

	if (!h)
		return -EINVAL;
	w.place = 0;
	r = s->value ? 0 : gp__deadline_passed(deadline);
	while (!r && !s->value)
		r = gp__linkable_wait(h, &s->link, &w, "semaphore", deadline, GP__CANCELABLE);
	if (!r)
		s->value--;
	return r;
}

GP_API int gp_semaphore_try_acquire(struct gp_semaphore *s)
{
	if (!s || !gp__linkable_here(&s->link))
		return -EINVAL;
	if (!s->value)
		return -EAGAIN;
	s->value--;
	return 0;
}

GP_API int gp_semaphore_release(struct gp_semaphore *s)
{
	if (!s || !gp__linkable_here(&s->link))
		return -EINVAL;
	if (s->value == s->most)
		return -EOVERFLOW;
	s->value++;
	gp__linkable_tell(&s->link);
	return 0;
}

GP_API int gp_semaphore_wait(struct gp_semaphore *s, int64_t deadline)
{
	struct gp_hub *h = s ? gp__linkable_hub(&s->link) : NULL;
	struct gp_waiter w;
	uint32_t told;
	int r;

	if (!h)
		return -EINVAL;
	told = s->link.told;
	r = s->value ? 0 : gp__deadline_passed(deadline);
	w.place = 0;
	w.notified = false;
	while (!r && !s->value && !w.notified && s->link.told == told)
		r = gp__linkable_wait(h, &s->link, &w, "semaphore", deadline, GP__CANCELABLE);
	return r ? r : s->value;
}

GP_API int gp_semaphore_value(const struct gp_semaphore *s)
{
	return s && gp__linkable_here(&s->link) ? s->value : -EINVAL;
}

GP_API bool gp_semaphore_locked(const struct gp_semaphore *s)
{
	return s && gp__linkable_here(&s->link) && !s->value;
}
