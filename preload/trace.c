/* trace.c - a line on stderr for each call that waited or was passed on.
 *
 * As strace prints it, with the greenlet's number in front and the time that
 * the call took behind. Arguments are numbers: their meaning is strace's
 * affair. A call that came back at once is not shown.
 */
#include <linux/futex.h>
#include "preload/diag.h"

#define AT_ONCE (100 * 1000L) /* ns; a call that the kernel made directly, and that took less, did not wait */

#define N(name, n) [SYS_##name] = (n) + 1
/* How many arguments a call has; 0: not known, all six are shown. */
static const uint8_t count_plus_one[512] = {
	N(read, 3), N(write, 3), N(open, 3), N(poll, 3), N(readv, 3), N(writev, 3), N(select, 5), N(sched_yield, 0),
	N(msync, 3), N(pause, 0), N(nanosleep, 2), N(sendfile, 4), N(connect, 3), N(accept, 3), N(sendto, 6),
	N(recvfrom, 6), N(sendmsg, 3), N(recvmsg, 3), N(wait4, 4), N(semop, 3), N(msgsnd, 4), N(msgrcv, 5), N(flock, 2),
	N(fsync, 1), N(fdatasync, 1), N(creat, 2), N(ptrace, 4), N(rt_sigtimedwait, 4), N(rt_sigsuspend, 2), N(sync, 0),
	N(mount, 5), N(umount2, 2), N(swapon, 2), N(swapoff, 1), N(reboot, 4), N(futex, 6), N(io_getevents, 5),
	N(semtimedop, 4), N(clock_nanosleep, 4), N(epoll_wait, 4), N(mq_timedsend, 5), N(mq_timedreceive, 5),
	N(waitid, 5), N(openat, 4), N(pselect6, 6), N(ppoll, 5), N(splice, 6), N(tee, 4), N(sync_file_range, 4),
	N(vmsplice, 4), N(epoll_pwait, 6), N(accept4, 4), N(recvmmsg, 5), N(fanotify_init, 2), N(syncfs, 1),
	N(sendmmsg, 4), N(process_vm_readv, 6), N(process_vm_writev, 6), N(userfaultfd, 1), N(copy_file_range, 6),
	N(preadv, 5), N(pwritev, 5), N(preadv2, 6), N(pwritev2, 6), N(io_pgetevents, 6), N(pidfd_send_signal, 4),
	N(io_uring_enter, 6), N(openat2, 4), N(epoll_pwait2, 6), N(futex_waitv, 5), N(fcntl, 3), N(ioctl, 3), N(close, 1),
	N(getpriority, 2), N(setpriority, 3), N(clock_gettime, 2), N(exit, 1), N(exit_group, 1), N(gettid, 0),
};
#undef N

#define E(name) [name] = #name
static const char *const errors[] = {
	E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC), E(EBADF), E(ECHILD), E(EAGAIN),
	E(ENOMEM), E(EACCES), E(EFAULT), E(ENOTBLK), E(EBUSY), E(EEXIST), E(EXDEV), E(ENODEV), E(ENOTDIR), E(EISDIR),
	E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY), E(ETXTBSY), E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EMLINK),
	E(EPIPE), E(EDOM), E(ERANGE), E(EDEADLK), E(ENAMETOOLONG), E(ENOLCK), E(ENOSYS), E(ENOTEMPTY), E(ELOOP),
	E(ENOMSG), E(EIDRM), E(ENODATA), E(ETIME), E(EPROTO), E(EBADMSG), E(EOVERFLOW), E(EILSEQ), E(EUSERS),
	E(ENOTSOCK), E(EDESTADDRREQ), E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT),
	E(ESOCKTNOSUPPORT), E(EOPNOTSUPP), E(EPFNOSUPPORT), E(EAFNOSUPPORT), E(EADDRINUSE), E(EADDRNOTAVAIL),
	E(ENETDOWN), E(ENETUNREACH), E(ENETRESET), E(ECONNABORTED), E(ECONNRESET), E(ENOBUFS), E(EISCONN), E(ENOTCONN),
	E(ESHUTDOWN), E(ETIMEDOUT), E(ECONNREFUSED), E(EHOSTDOWN), E(EHOSTUNREACH), E(EALREADY), E(EINPROGRESS),
	E(ESTALE), E(EDQUOT), E(ECANCELED), E(EOWNERDEAD), E(ENOTRECOVERABLE),
};
#undef E

size_t gp__call_format(char *buf, size_t size, const struct gp_frame *f)
{
	unsigned n = f->nr < 512 && count_plus_one[f->nr] ? count_plus_one[f->nr] - 1U : 6;
	const char *name = gp__call_name(f->nr);
	size_t at;

	if (f->nr == SYS_futex && (f->rsi & FUTEX_CMD_MASK) <= FUTEX_WAKE)
		n = 4;
	if (memcmp(name, "unknown", 8))
		at = gp__format(buf, size, "%s(", name);
	else
		at = gp__format(buf, size, "syscall_%lu(", f->nr);
	for (unsigned i = 0; i < n; i++)
		at += gp__format(buf + at, size - at, "%s0x%lx", i ? ", " : "", f->arg[i]);
	return at + gp__format(buf + at, size - at, ")");
}

static void format_result(char *buf, size_t size, long r)
{
	static const char *const again[] = { "ERESTARTNOHAND", "ERESTARTNOINTR", "ERESTARTSYS" };

	if (gp__is_restart(r))
		gp__format(buf, size, "? %s", again[r - GP__RESTART_NEVER]);
	else if (!gp__is_err(r))
		gp__format(buf, size, r > INT_MAX ? "0x%lx" : "%ld", r);
	else if (-r < (long)gp__count(errors) && errors[-r])
		gp__format(buf, size, "-1 %s", errors[-r]);
	else
		gp__format(buf, size, "-1 errno %ld", -r);
}

/* "[pid 12] " where the lines of several processes may mix. */
static void format_pid(char *buf, size_t size, const struct gp_hub *h)
{
	buf[0] = 0;
	if (gp__shim.config.trace < 0)
		gp__format(buf, size, "[pid %d] ", h->pid);
}

void gp__trace_enter(struct gp_trace *t, const struct gp_guest *me)
{
	t->start = gp__now();
	t->parks = me->g.parks;
	t->blocks = gp__shim.blocks;
}

void gp__trace_leave(const struct gp_trace *t, const struct gp_guest *me, const struct gp_frame *f, bool passed)
{
	char pid[24], call[192], result[32];
	int64_t us;

	if (!passed && t->parks == me->g.parks && t->blocks == gp__shim.blocks)
		return;
	us = (gp__now() - t->start) / 1000;
	if (!passed && t->parks == me->g.parks && us < AT_ONCE / 1000)
		return;
	format_pid(pid, sizeof pid, me->g.hub);
	gp__call_format(call, sizeof call, f);
	format_result(result, sizeof result, (long)f->rax);
	gp__say("trace: %s#%lu %s = %s <%ld.%06ld>%s", pid, me->g.id, call, result, us / 1000000, us % 1000000,
	        passed ? " passed on" : "");
}

void gp__trace_unfinished(struct gp_hub *h)
{
	char pid[24], call[192];

	if (!gp__shim.tracing)
		return;
	format_pid(pid, sizeof pid, h);
	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		if (g->g.state != GP__PARKED || !g->frame)
			continue;
		gp__call_format(call, sizeof call, g->frame);
		gp__say("trace: %s#%lu %s <unfinished ...>", pid, g->g.id, call);
	}
}
