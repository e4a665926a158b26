/* fault.c - for tests only: see core/fault.h. */
#include "core/fault.h"
#ifdef GP_FAULT
#include <string.h>
#include "preload/shim.h"

static long fitting(long nr)
{
	switch (nr) {
	case SYS_mmap: case SYS_mprotect: case SYS_munmap: case SYS_madvise: case SYS_mremap:
		return -ENOMEM;
	case SYS_open: case SYS_openat: case SYS_epoll_create1: case SYS_eventfd2: case SYS_dup: case SYS_fcntl:
	case SYS_memfd_create: case SYS_pidfd_open: case SYS_socket: case SYS_pipe2: case SYS_socketpair:
		return -EMFILE;
	case SYS_clone: case SYS_timer_create:
		return -EAGAIN;
	case SYS_read: case SYS_write: case SYS_pread64: case SYS_pwrite64: case SYS_close:
		return -EIO;
	case SYS_epoll_ctl: case SYS_ppoll: case SYS_poll: case SYS_pselect6:
		return -ENOMEM;
	case SYS_epoll_pwait2: case SYS_futex_waitv: case SYS_close_range:
		return -ENOSYS;
	default:
		return -EPERM; /* as a filter of a container would */
	}
}

/* With valid arguments: nothing of ours would look like that. */
static bool never_fails(long nr)
{
	switch (nr) {
	case SYS_rt_sigprocmask: case SYS_getpid: case SYS_gettid: case SYS_getuid: case SYS_futex: case SYS_sched_yield:
	case SYS_exit: case SYS_exit_group: case SYS_getsockopt: case SYS_write:
		return true;
	default:
		/* While the program runs it sets the bases all the time; at the start it may be forbidden. */
		return nr == SYS_arch_prctl && gp__shim.hub;
	}
}

static void say(const struct gp_fault *place)
{
	char line[128];
	size_t n = gp__format(line, sizeof line, "greenpatch: fault: %s:%d %s\n", place->file, place->line, place->function);

	gp__raw6(SYS_write, 2, (long)line, (long)n, 0, 0, 0);
}

bool gp__fault(struct gp_fault *place, long nr, const long *args, long *ret)
{
	const char *want = gp__shim.config.fault;
	char name[96];

	if (!want || never_fails(nr) || place->calls++)
		return false;
	if (*want == 'n') {
		say(place);
		return false;
	}
	gp__format(name, sizeof name, "%s:%d", place->file, place->line);
	if (strcmp(name, want))
		return false;
	say(place);
	*ret = fitting(nr);
	if (nr == SYS_close) /* whatever it says, the number is free: close(2) */
		gp__raw6(nr, args[0], 0, 0, 0, 0, 0);
	return true;
}
#endif
