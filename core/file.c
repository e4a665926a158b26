/* file.c - files, by helper threads (greenpatch/file.h).
 *
 * A helper cannot be called back. So everything that it uses lies in one job on
 * the heap, buffer or path behind it, and what a greenlet left to itself is
 * ended when the helper is through.
 */
#include <string.h>
#include "core/alloc.h"
#include "core/io.h"
#include "core/raw.h"
#include "core/run/offload.h"
#include "greenpatch/file.h"

#define PIECE (1024 * 1024UL) /* of a transfer: the size of its buffer */

struct file_job {
	struct gp_job job;  /* first */
	long nr, arg[4];
	char data[];        /* what is moved, or the path */
};

static long call(void *arg)
{
	struct file_job *f = arg;

	return gp__raw(f->nr, f->arg[0], f->arg[1], f->arg[2], f->arg[3]);
}

static void end(struct gp_job *j, bool ran)
{
	gp__free(j);
}

static void end_open(struct gp_job *j, bool ran)
{
	if (ran && j->result >= 0)
		gp__raw(SYS_close, j->result);
	gp__free(j);
}

static struct file_job *job_make(size_t size, long nr, long a, long b, long c, long d)
{
	struct file_job *f = gp__alloc(sizeof *f + size);

	if (!f)
		return NULL;
	f->job.fn = call;
	f->job.arg = f;
	f->job.end = end;
	f->nr = nr;
	f->arg[0] = a;
	f->arg[1] = b;
	f->arg[2] = c;
	f->arg[3] = d;
	return f;
}

static bool writes(long nr) { return nr == SYS_pwrite64 || nr == SYS_write; }

static long move_piece(struct gp_hub *h, long nr, int fd, char *buf, size_t n, int64_t at, int64_t deadline)
{
	struct file_job *f = job_make(n, nr, fd, 0, (long)n, at);
	long r;

	if (!f)
		return -ENOMEM;
	f->arg[1] = (long)f->data;
	if (writes(nr) && n)
		memcpy(f->data, buf, n);
	r = gp__offload_job(h, &f->job, deadline);
	if (r)
		return r;
	r = f->job.result;
	if (r > 0 && !writes(nr))
		memcpy(buf, f->data, (size_t)r);
	gp__free(f);
	return r;
}

long gp__file_move(struct gp_hub *h, long nr, int fd, void *buf, size_t n, int64_t at, int64_t deadline)
{
	size_t done = 0;

	do {
		size_t piece = gp__min(n - done, PIECE);
		long r = move_piece(h, nr, fd, (char *)buf + done, piece, at + (int64_t)done, deadline);

		if (r < 0)
			return done && !writes(nr) ? (long)done : r;
		done += (size_t)r;
		if (r == 0 || (!writes(nr) && (size_t)r < piece))
			break;
	} while (done < n);
	return (long)done;
}

static ssize_t move(long nr, int fd, void *buf, size_t n, off_t offset, int64_t deadline)
{
	struct gp_hub *h;
	int r = gp__desc_enter(&h, fd);

	if (r)
		return r;
	return offset < 0 ? -EINVAL : gp__file_move(h, nr, fd, buf, n, offset, deadline);
}

GP_API ssize_t gp_pread(int fd, void *buf, size_t n, off_t offset, int64_t deadline)
{
	return move(SYS_pread64, fd, buf, n, offset, deadline);
}

GP_API ssize_t gp_pwrite(int fd, const void *buf, size_t n, off_t offset, int64_t deadline)
{
	return move(SYS_pwrite64, fd, (void *)buf, n, offset, deadline);
}

static long run(struct gp_hub *h, struct file_job *f, int64_t deadline)
{
	long r;

	if (!f)
		return -ENOMEM;
	r = gp__offload_job(h, &f->job, deadline);
	if (r)
		return r;
	r = f->job.result;
	gp__free(f);
	return r;
}

GP_API int gp_fsync(int fd, int64_t deadline)
{
	struct gp_hub *h;
	int r = gp__desc_enter(&h, fd);

	return r ? r : (int)run(h, job_make(0, SYS_fsync, fd, 0, 0, 0), deadline);
}

GP_API int gp_open(const char *path, int flags, mode_t mode, int64_t deadline)
{
	struct file_job *f;
	struct gp_hub *h;
	size_t n;
	int r = gp__desc_enter(&h, -1);

	if (r || !path)
		return r ? r : -EINVAL;
	n = strlen(path) + 1;
	f = job_make(n, SYS_openat, AT_FDCWD, 0, flags, mode);
	if (!f)
		return -ENOMEM;
	f->arg[1] = (long)memcpy(f->data, path, n);
	f->job.end = end_open;
	return gp__desc_fresh(h, run(h, f, deadline));
}
