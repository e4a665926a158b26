/* offload.c - functions that block in ways of their own (greenpatch/offload.h).
 *
 * Linked alone they run on the pool's threads, which are libc's. Under the shim
 * those have no TLS and make raw calls only, so there a function gets a
 * greenlet, whose calls park.
 */
#include "core/alloc.h"
#include "core/apart.h"
#include "core/io.h"
#include "core/run/offload.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/offload.h"

/* ---- apart ------------------------------------------------------------------------ */

struct apart {
	struct gp_job job; /* first; linked alone */
	void (*fn)(void *arg);
	void *arg;
	void (*end)(void *arg);
	bool left;         /* the one who waited has gone; under the shim */
	int error;         /* fn was not called; under the shim */
};

static void end_apart(struct apart *a)
{
	a->end(a->arg);
	gp__free(a);
}

#ifdef GP_SHIM
#define APART_STACK (256 * 1024UL)

static void through(void *p)
{
	struct apart *a = p;

	if (a->left)
		end_apart(a);
}

static void *body(void *p)
{
	struct apart *a = p;

	a->error = gp_defer(through, a); /* also if fn ends its greenlet */
	if (!a->error)
		a->fn(a->arg);
	else
		through(a);
	return NULL;
}

static int run_apart(struct gp_hub *h, struct apart *a, int64_t deadline)
{
	struct gp_attr attr = { "offload", APART_STACK, true };
	struct gp_greenlet *g = gp_spawn_with(&attr, body, a);
	int r;

	if (!g) { /* threads are not patched */
		attr.own_tls = false;
		g = gp_spawn_with(&attr, body, a);
	}
	if (!g) {
		end_apart(a);
		return -ENOMEM;
	}
	r = gp_join(g, deadline);
	if (!r)
		r = a->error;
	if (r && gp_ready(g))
		end_apart(a);
	else if (r)
		a->left = true;
	gp_unref(g);
	return r;
}
#else
static long call(void *p)
{
	struct apart *a = p;

	a->fn(a->arg);
	return 0;
}

static void end_job(struct gp_job *j, bool ran)
{
	end_apart((struct apart *)j);
}

static int run_apart(struct gp_hub *h, struct apart *a, int64_t deadline)
{
	a->job.fn = call;
	a->job.arg = a;
	a->job.end = end_job;
	return gp__offload_job(h, &a->job, deadline);
}
#endif

int gp__apart(struct gp_hub *h, void (*fn)(void *arg), void *arg, void (*end)(void *arg), int64_t deadline)
{
	struct apart *a = gp__alloc(sizeof *a);
	int r;

	if (!a) {
		end(arg);
		return -ENOMEM;
	}
	a->fn = fn;
	a->arg = arg;
	a->end = end;
	r = run_apart(h, a, deadline);
	if (!r)
		gp__free(a);
	return r;
}

/* ---- the call ----------------------------------------------------------------------- */

struct call_of {
	void *(*fn)(void *arg);
	void *arg, *value;
};

static void call_it(void *p)
{
	struct call_of *c = p;

	c->value = c->fn(c->arg);
}

GP_API int gp_offload(void *(*fn)(void *arg), void *arg, void **value, int64_t deadline)
{
	struct call_of *c;
	struct gp_hub *h;
	int r = gp__desc_enter(&h, -1);

	if (r || !fn)
		return r ? r : -EINVAL;
	c = gp__alloc(sizeof *c);
	if (!c)
		return -ENOMEM;
	c->fn = fn;
	c->arg = arg;
	r = gp__apart(h, call_it, c, gp__free, deadline);
	if (r)
		return r;
	if (value)
		*value = c->value;
	gp__free(c);
	return 0;
}
