/* ps.c - the list of greenlets, for another process.
 *
 * `greenpatch ps PID` runs as a process of its own that is only this file. It
 * makes a memfd, and sends the patched process a SIGSYS with an si_code of
 * ours that names it. SIGSYS is the one signal whose action and mask are never
 * the program's: it always arrives, and to the program nothing has happened.
 * The patched process opens the memfd by /proc, writes the list, and turns the
 * first byte. Nothing blocks in it, whatever becomes of the asker.
 *
 * A SIGSYS kills a process that is not patched, so the asker looks twice first:
 * the library has to be mapped there, and the signal to have a handler. The
 * nonce in the memfd keeps a late answer from another file of that number.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "preload/diag.h"
#include "preload/trap/maps.h"

#define PATIENCE (5 * GP__SEC)
#define ASK_ANEW GP__SEC /* standard signals are kept once: ours may have been lost to another */

struct head {
	char state;     /* '?' asked, '!' answered */
	char magic[11];
	uint32_t nonce;
};

static const char magic[11] = "greenpatch";

/* ---- in the patched process --------------------------------------------------- */

static struct {
	int pid, fd;
	uint32_t nonce;
	volatile bool pending;
} request;

void gp__ps_asked(const siginfo_t *info)
{
	if (request.pending)
		return;
	request.pid = info->si_pid;
	request.fd = (int)(uint32_t)(uintptr_t)info->si_ptr;
	request.nonce = (uint32_t)((uint64_t)(uintptr_t)info->si_ptr >> 32);
	request.pending = true;
}

/* With the table full, an open of ours may go above the soft limit. */
static long open_above_limit(const char *path)
{
	long fd = gp__raw(SYS_open, path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct rlimit before, high;

	if (fd != -EMFILE || gp__raw(SYS_getrlimit, RLIMIT_NOFILE, &before))
		return fd;
	high = (struct rlimit){ before.rlim_max, before.rlim_max };
	if (gp__raw(SYS_setrlimit, RLIMIT_NOFILE, &high))
		return fd;
	fd = gp__raw(SYS_open, path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	gp__raw(SYS_setrlimit, RLIMIT_NOFILE, &before);
	return fd;
}

void gp__ps_answer(struct gp_hub *h)
{
	struct head head;
	char path[48];
	long fd;

	if (gp__likely(!request.pending))
		return;
	gp__format(path, sizeof path, "/proc/%d/fd/%d", request.pid, request.fd);
	fd = open_above_limit(path);
	if (!gp__is_err(fd) && gp__raw(SYS_read, fd, &head, sizeof head) == sizeof head && head.state == '?' &&
	    !memcmp(head.magic, magic, sizeof magic) && head.nonce == request.nonce) {
		gp__list_print(h, (int)fd);
		gp__raw(SYS_pwrite64, fd, "!", 1, 0);
	}
	if (!gp__is_err(fd))
		gp__raw(SYS_close, fd);
	request.pending = false;
}

/* ---- in the asking process ------------------------------------------------------ */

struct target {
	int pid, pidfd;
	char state;       /* of /proc/PID/status */
	unsigned uid, gid;
	uint64_t caught;  /* signals that have a handler */
	bool patched;     /* the library is mapped */
};

static bool is_ours(const struct gp_map *m, void *arg)
{
	struct target *t = arg;

	t->patched = m->exec && !memcmp(m->name, "libgreenpatch.so", 16);
	return !t->patched;
}

/* What stands behind `name` in a text, or "". */
static const char *field(const char *text, const char *name)
{
	for (; *text; text++) {
		size_t n = 0;

		while (name[n] && text[n] == name[n])
			n++;
		if (!name[n])
			return text + n;
	}
	return "";
}

static uint64_t digits(const char *p, unsigned base)
{
	uint64_t v = 0;

	for (;; p++) {
		unsigned d = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10) : 99;

		if (d >= base)
			return v;
		v = v * base + d;
	}
}

static void read_status(struct target *t)
{
	static char text[4096];
	char path[32];
	long fd, n;

	gp__format(path, sizeof path, "/proc/%d/status", t->pid);
	fd = gp__raw(SYS_open, path, O_RDONLY | O_CLOEXEC);
	n = gp__raw(SYS_read, fd, text, sizeof text - 1);
	text[gp__max(n, 0L)] = 0;
	gp__raw(SYS_close, fd);
	t->state = *field(text, "\nState:\t");
	t->uid = (unsigned)digits(field(text, "\nUid:\t"), 10);
	t->gid = (unsigned)digits(field(text, "\nGid:\t"), 10);
	t->caught = digits(field(text, "\nSigCgt:\t"), 16);
}

/* Why it cannot be asked, or NULL. */
static const char *why_not(struct target *t)
{
	int r;

	t->pidfd = (int)gp__raw(SYS_pidfd_open, t->pid, 0);
	if (t->pidfd == -ESRCH || t->pidfd == -EINVAL)
		return "there is no such process";
	read_status(t);
	r = gp__maps_of_process(t->pid, is_ours, t);
	if (r == -EACCES || r == -EPERM)
		return "it belongs to another user";
	if (t->state == 'Z')
		return "it has ended";
	if (!t->patched || !(t->caught >> (31 - 1) & 1))
		return "it is not patched";
	if (t->state == 'T' || t->state == 't')
		return "it is stopped and cannot answer";
	return NULL;
}

/* The patched process may open our descriptors only if we are its user. */
static void become_its_user(const struct target *t)
{
	if (gp__raw(SYS_geteuid) || !t->uid)
		return;
	gp__raw(SYS_setgroups, 0, 0);
	gp__raw(SYS_setresgid, t->gid, t->gid, t->gid);
	gp__raw(SYS_setresuid, t->uid, t->uid, t->uid);
	gp__raw(SYS_prctl, PR_SET_DUMPABLE, 1);
}

static long make_answer(uint32_t nonce)
{
	struct head head = { .state = '?', .nonce = nonce };
	long fd = gp__raw(SYS_memfd_create, "greenpatch-ps", MFD_CLOEXEC);

	memcpy(head.magic, magic, sizeof magic);
	if (!gp__is_err(fd))
		gp__raw(SYS_write, fd, &head, sizeof head);
	return fd;
}

static long ask(const struct target *t, int fd, uint32_t nonce)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = SIGSYS;
	info.si_code = GP__PS_ASKED;
	info.si_pid = (int)gp__raw(SYS_getpid);
	info.si_uid = (unsigned)gp__raw(SYS_getuid);
	info.si_ptr = (void *)(uintptr_t)((uint64_t)nonce << 32 | (uint32_t)fd);
	return gp__raw(SYS_pidfd_send_signal, t->pidfd, SIGSYS, &info, 0);
}

/* Why there is no answer, or NULL. */
static const char *wait_for_answer(const struct target *t, int fd, uint32_t nonce)
{
	int64_t start = gp__now(), asked = 0, pause = GP__MSEC;
	char state = '?';

	for (;;) {
		struct pollfd p = { t->pidfd, POLLIN, 0 };
		long ts[2] = { 0, pause };
		long r;

		if (gp__now() - asked >= ASK_ANEW) {
			asked = gp__now();
			r = ask(t, fd, nonce);
			if (r)
				return r == -EPERM ? "it belongs to another user" : "it has ended";
		}
		r = gp__raw(SYS_ppoll, &p, 1, ts, 0, 8);
		gp__raw(SYS_pread64, fd, &state, 1, 0);
		if (state == '!')
			return NULL;
		if (r > 0)
			return "it has ended";
		if (gp__now() - start > PATIENCE)
			return "it does not answer";
		pause = gp__min(2 * pause, 20 * GP__MSEC);
	}
}

static void copy_out(int fd)
{
	static char buf[65536];
	long n, offset = sizeof(struct head);

	while ((n = gp__raw(SYS_pread64, fd, buf, sizeof buf, offset)) > 0) {
		offset += n;
		for (long at = 0, r; at < n; at += r) {
			r = gp__raw(SYS_write, 1, buf + at, n - at);
			if (r <= 0)
				return;
		}
	}
}

int gp__ps_ask(int pid)
{
	struct target t = { .pid = pid };
	const char *why = why_not(&t);
	uint32_t nonce = (uint32_t)gp__now() ^ (uint32_t)gp__raw(SYS_getpid) << 16;
	long fd;

	if (!why) {
		become_its_user(&t);
		fd = make_answer(nonce);
		why = gp__is_err(fd) ? "no memory for its answer" : wait_for_answer(&t, (int)fd, nonce);
		if (!why)
			copy_out((int)fd);
	}
	if (why)
		gp__say("ps: process %d: %s", pid, why);
	return why ? 1 : 0;
}
