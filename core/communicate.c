/* communicate.c - talking to a program until its end, and running one to its
 * end (greenpatch/subprocess.h).
 *
 * One greenlet serves all three pipes: it moves what can be moved without
 * waiting, then waits for any of them.
 */
#include <signal.h>
#include "core/alloc.h"
#include "core/io.h"
#include "core/raw.h"
#include "core/subprocess.h"
#include "greenpatch/subprocess.h"

#define ROOM_FIRST 4096UL

/* A write without the SIGPIPE: it is blocked, and taken back if it came now. No
 * switch in between. */
static long write_quietly(int fd, const void *buf, size_t n)
{
	uint64_t set = 1UL << (SIGPIPE - 1), before = 0, pending = 0;
	long zero[2] = { 0, 0 }, r;

	gp__raw(SYS_rt_sigpending, &pending, 8);
	gp__raw(SYS_rt_sigprocmask, SIG_BLOCK, &set, &before, 8);
	r = gp__desc_write_some(fd, buf, n);
	if (r == -EPIPE && !(pending & set))
		gp__raw(SYS_rt_sigtimedwait, &set, 0, zero, 8);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	return r;
}

/* Writes what fits: 0, or an error. Closes it behind the last byte. */
static int push(struct gp_subprocess *p, const char *input, size_t n)
{
	while (p->in >= 0 && p->sent < n) {
		long r = write_quietly(p->in, input + p->sent, n - p->sent);

		if (r == -EAGAIN)
			return 0;
		if (r == -EPIPE) { /* it does not want it */
			p->sent = n;
			break;
		}
		if (r < 0)
			return (int)r;
		p->sent += (size_t)r;
	}
	gp__subprocess_shut(p, &p->in);
	return 0;
}

static int grow(struct gp__stream *s)
{
	size_t room = s->room ? 2 * s->room : ROOM_FIRST;
	char *data = gp__realloc(s->data, room);

	if (!data)
		return -ENOMEM;
	s->data = data;
	s->room = room;
	return 0;
}

/* Reads what is there: 0, or an error. Closes it at the end. keep: or it is dropped. */
static int pull(struct gp_subprocess *p, struct gp__stream *s, bool keep)
{
	while (s->fd >= 0) {
		long r;

		if (s->room - s->size < 2 && grow(s))
			return -ENOMEM;
		if (!gp__desc_ready(s->fd, GP__READ))
			return 0;
		r = gp__raw(SYS_read, s->fd, s->data + s->size, s->room - s->size - 1);
		if (r < 0 && r != -EINTR)
			return (int)r;
		if (!r)
			gp__subprocess_shut(p, &s->fd);
		if (r > 0 && keep)
			s->size += (size_t)r;
	}
	return 0;
}

static int wait_any(struct gp_subprocess *p, int64_t deadline)
{
	struct gp_fdwait w[3];
	int n = 0, r;

	if (p->in >= 0)
		w[n++] = (struct gp_fdwait){ .fd = p->in, .events = GP__WRITE };
	if (p->out.fd >= 0)
		w[n++] = (struct gp_fdwait){ .fd = p->out.fd, .events = GP__READ };
	if (p->err.fd >= 0)
		w[n++] = (struct gp_fdwait){ .fd = p->err.fd, .events = GP__READ };
	if (!n)
		return 0;
	r = gp__wait_fds(p->hub, w, n, deadline);
	if (r == -EINTR)
		gp__take_signals(p->hub);
	return r < 0 && r != -EINTR ? r : 0;
}

/* Hands the text over; an empty one, too. */
static int hand_over(struct gp__stream *s, struct gp_output *out)
{
	if (!out)
		return 0;
	if (!s->data && grow(s))
		return -ENOMEM;
	s->data[s->size] = 0;
	*out = (struct gp_output){ s->data, s->size };
	*s = (struct gp__stream){ .fd = s->fd };
	return 0;
}

static int talk(struct gp_subprocess *p, const void *input, size_t n, struct gp_output *out, struct gp_output *err,
                int64_t deadline)
{
	int r = 0;

	while (!r && !p->freed) {
		r = push(p, input, n);
		if (!r)
			r = pull(p, &p->out, out);
		if (!r)
			r = pull(p, &p->err, err);
		if (r || (p->in < 0 && p->out.fd < 0 && p->err.fd < 0))
			break;
		r = wait_any(p, deadline);
	}
	if (!r)
		r = p->freed ? -ESHUTDOWN : gp_subprocess_wait(p, NULL, deadline);
	if (!r && out && !p->out.data && grow(&p->out))
		r = -ENOMEM;
	if (!r && err && !p->err.data && grow(&p->err))
		r = -ENOMEM;
	if (r)
		return r;
	hand_over(&p->out, out);
	return hand_over(&p->err, err);
}

GP_API int gp_subprocess_communicate(struct gp_subprocess *p, const void *input, size_t n, struct gp_output *out,
                                     struct gp_output *err, int64_t deadline)
{
	int r = n && !input ? -EINVAL : gp__subprocess_use(p);

	if (r)
		return r;
	if (p->talking)
		r = -EBUSY;
	else {
		p->talking = true;
		r = talk(p, input, n, out, err, deadline);
		p->talking = false;
	}
	gp__subprocess_leave(p);
	return r;
}

/* Ends the program if the wait for it ended with an error. SIGKILL takes no time
 * worth a deadline; a second kill of the caller ends this wait, too. */
static int finish(struct gp_subprocess *p, int r)
{
	if (r) {
		gp_subprocess_kill(p);
		gp_subprocess_wait(p, NULL, GP__NEVER);
	}
	gp_subprocess_free(p);
	return r;
}

GP_API int gp_subprocess_call(const struct gp_subprocess_options *o, int *code, int64_t deadline)
{
	struct gp_subprocess *p;
	int r = gp_subprocess_spawn(&p, o);

	return r ? r : finish(p, gp_subprocess_wait(p, code, deadline));
}

GP_API int gp_subprocess_check_output(const struct gp_subprocess_options *o, struct gp_output *out, int *code,
                                      int64_t deadline)
{
	struct gp_subprocess_options with;
	struct gp_subprocess *p;
	int r, came = 0;

	if (!o || !out)
		return -EINVAL;
	with = *o;
	with.out = GP_PIPE;
	r = gp_subprocess_spawn(&p, &with);
	if (r)
		return r;
	r = gp_subprocess_communicate(p, NULL, 0, out, NULL, deadline);
	if (!r)
		gp_subprocess_poll(p, &came);
	if (!r && code)
		*code = came;
	r = finish(p, r);
	return r ? r : came ? -EREMOTEIO : 0;
}
