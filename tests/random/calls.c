/* Random system calls, most of them with something wrong: bad descriptors, bad pointers, wrong flags, wrong sizes.
 * Prints what each returned. None of them can wait: what is blocking is at its end, the rest is O_NONBLOCK.
 *
 *	calls SEED [COUNT]     "calls SEED COUNT threads": other threads are blocked meanwhile
 */
#include "../guest/guest.h"
#include <arpa/inet.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

#define FDS 28
#define ROUND 40 /* calls after which everything is made anew */

static const struct call {
	long nr;
	const char *name, *args; /* a letter for each argument: see argument() */
} calls[] = {
#define CALL(name, args) { SYS_##name, #name, args }
	CALL(read, "fpl"), CALL(write, "fpl"), CALL(readv, "fvi"), CALL(writev, "fvi"), CALL(pread64, "fplo"), CALL(pwrite64, "fplo"),
	CALL(preadv, "fvio0"), CALL(pwritev, "fvio0"), CALL(preadv2, "fvio0i"), CALL(pwritev2, "fvio0i"), CALL(recvfrom, "fplm00"),
	CALL(sendto, "fplmal"), CALL(recvmsg, "fhm"), CALL(sendmsg, "fhm"), CALL(recvmmsg, "fhim0"), CALL(sendmmsg, "fhim"),
	CALL(poll, "qi0"), CALL(ppoll, "qitpz"), CALL(select, "jpppu"), CALL(pselect6, "jpppu0"),
	CALL(epoll_ctl, "fife"), CALL(epoll_wait, "fpi0"), CALL(epoll_pwait, "fpi0pz"), CALL(epoll_pwait2, "fpitpz"), CALL(fcntl, "fci"),
	CALL(fcntl, "fcp"), CALL(dup, "f"), CALL(dup2, "fn"), CALL(dup3, "fni"), CALL(lseek, "foi"), CALL(ioctl, "fxp"),
	CALL(fsync, "f"), CALL(fdatasync, "f"), CALL(syncfs, "g"), CALL(flock, "fk"), CALL(ftruncate, "fo"), CALL(fallocate, "fioo"),
	CALL(getdents64, "fpl"), CALL(getdents, "fpl"), CALL(sendfile, "ffpl"), CALL(splice, "fpfpls"), CALL(tee, "ffls"),
	CALL(copy_file_range, "fpfpl0"), CALL(vmsplice, "fvis"), CALL(accept, "wpp"), CALL(accept4, "wppi"), CALL(connect, "gal"),
	CALL(bind, "fal"), CALL(listen, "gi"), CALL(getsockname, "gpp"), CALL(getpeername, "fpp"), CALL(getsockopt, "fiipp"),
	CALL(setsockopt, "fiipl"), CALL(shutdown, "fi"), CALL(nanosleep, "tp"), CALL(clock_nanosleep, "iitp"), CALL(clock_gettime, "ip"),
	CALL(futex, "Wyi0Wi"), CALL(timerfd_settime, "fipp"), CALL(timerfd_gettime, "gp"), CALL(timer_create, "ip0"),
	CALL(timer_settime, "g0pp"), CALL(timer_delete, "g"), CALL(rt_sigaction, "Sppz"), CALL(rt_sigaction, "S0pz"),
	CALL(rt_sigprocmask, "i0pz"), CALL(rt_sigprocmask, "ibpz"), CALL(rt_sigpending, "pz"), CALL(rt_sigtimedwait, "bptz"),
	CALL(rt_sigsuspend, "bi"), CALL(sigaltstack, "pp"), CALL(kill, "gS"), CALL(tkill, "gS"), CALL(tgkill, "ggS"),
	CALL(rt_sigqueueinfo, "gSp"), CALL(rt_tgsigqueueinfo, "ggSp"), CALL(wait4, "gpip"), CALL(waitid, "igpip"),
	CALL(getpriority, "ig"), CALL(setpriority, "ggi"), CALL(sched_getaffinity, "glp"), CALL(sched_setaffinity, "glp"),
	CALL(sched_setscheduler, "gip"), CALL(sched_getparam, "gp"), CALL(sched_getscheduler, "g"), CALL(sched_rr_get_interval, "gp"),
	CALL(sched_getattr, "gpli"), CALL(prctl, "ig000"), CALL(arch_prctl, "gp"), CALL(set_robust_list, "pl"),
	CALL(get_robust_list, "gpp"), CALL(clone3, "pl"), CALL(munmap, "pL"), CALL(mprotect, "pLi"), CALL(mremap, "pLLi0"),
	CALL(mmap, "pliif0"), CALL(madvise, "pLi"), CALL(msync, "pli"), CALL(mincore, "plp"), CALL(mlock, "pL"), CALL(pipe, "p"),
	CALL(pipe2, "pi"), CALL(pipe2, "px"), CALL(socketpair, "iiip"), CALL(socket, "iii"), CALL(eventfd2, "ix"), CALL(signalfd4, "fpzi"),
	CALL(inotify_init1, "x"), CALL(inotify_add_watch, "fpi"), CALL(inotify_rm_watch, "fi"), CALL(epoll_create, "i"),
	CALL(epoll_create1, "x"), CALL(timerfd_create, "ix"), CALL(memfd_create, "pi"), CALL(openat, "fpi0"), CALL(open, "pi0"),
	CALL(openat2, "fppl"), CALL(close, "g"), CALL(close_range, "ggi"), CALL(close_range, "NNi"), CALL(unshare, "g"),
	CALL(setresuid, "ggg"), CALL(capset, "pp"), CALL(msgrcv, "gpl0i"), CALL(msgsnd, "gpli"), CALL(semop, "gpl"),
	CALL(semtimedop, "gplt"), CALL(mq_timedsend, "fpl0t"), CALL(mq_timedreceive, "fplpt"), CALL(shmat, "gpi"), CALL(shmdt, "p"),
	CALL(io_setup, "gp"), CALL(io_getevents, "gllpt"), CALL(io_uring_enter, "fiii00"), CALL(process_vm_readv, "gvivi0"),
	CALL(pidfd_open, "gi"), CALL(pidfd_send_signal, "fSpi"), CALL(futex_waitv, "pllpi"), CALL(getrandom, "pli"), CALL(fstat, "fp"),
	CALL(statx, "fpiip"), CALL(readlinkat, "fppl"), CALL(execve, "ppp"), CALL(execveat, "fpppi"), CALL(set_mempolicy, "gpl"), CALL(rseq, "plii"), { 344, "344", "" }, { 500, "500", "" }, { 100000, "100000", "" }, { -1, "-1", "" },
#undef CALL
};

static uint64_t state;
static int fds[FDS];
static char *page, *readonly; /* 8192 bytes each; nothing behind them */

static uint32_t draw(uint32_t below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % below);
}

static void pair(int i, int type, int flags, bool closed)
{
	int fd[2];

	if (type ? socketpair(AF_UNIX, type | flags, 0, fd) : pipe2(fd, flags))
		guest_die("pair");
	fds[i] = fd[0];
	fds[i + 1] = fd[1];
	if (closed) {
		close(fd[type ? 1 : draw(2)]);
		fds[i + 1] = -1;
		if (fcntl(fd[0], F_GETFD) < 0)
			fds[i] = fd[1];
	} else {
		(void)!write(fd[1], "some bytes to read", 18);
	}
}

static int listener(int flags)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (bind(fd, (void *)&a, sizeof a) || listen(fd, 4))
		guest_die("listen");
	return fd;
}

static void make_all(void)
{
	char path[] = "/tmp/random-XXXXXX";
	sigset_t set;

	for (int fd = 3; fd < 1000; fd++)
		close(fd);
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	pair(0, 0, O_NONBLOCK, false);
	pair(2, 0, 0, true);
	pair(4, SOCK_STREAM, SOCK_NONBLOCK, false);
	pair(6, SOCK_STREAM, 0, true);
	pair(8, SOCK_DGRAM, SOCK_NONBLOCK, false);
	pair(10, SOCK_SEQPACKET, SOCK_NONBLOCK, false);
	pair(12, SOCK_SEQPACKET, 0, true);
	fds[14] = mkstemp(path);
	fds[15] = open(path, O_RDONLY);
	(void)!write(fds[14], "contents of a file", 18);
	unlink(path);
	fds[16] = open("/", O_RDONLY | O_DIRECTORY);
	fds[17] = listener(SOCK_NONBLOCK);
	fds[18] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	fds[19] = eventfd(0, EFD_NONBLOCK);
	fds[20] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	fds[21] = epoll_create1(0);
	fds[22] = inotify_init1(IN_NONBLOCK);
	sigemptyset(&set);
	fds[23] = signalfd(-1, &set, SFD_NONBLOCK);
	fds[24] = open("/dev/null", O_RDWR);
	fds[25] = open("/", O_PATH);
	fds[26] = memfd_create("calls", 0);
	fds[27] = socket(AF_INET, SOCK_STREAM, 0);
	memset(page, 0, 8192);
}

static long pointer(void)
{
	switch (draw(7)) {
	case 0: return 0;
	case 1: return 8;
	case 2: return (long)readonly;
	case 3: return (long)page + 8192 - draw(40);
	case 4: return (long)0xffff800000000000;
	case 5: return (long)0x7ffffffff000 - 4;
	default: return (long)page + 8 * draw(400);
	}
}

static long argument(char kind)
{
	static const long lengths[] = { 0, 1, 8, 16, 24, 56, 64, 128, 200, 4096, 100000, -1, 0x7fffffff, 0x80000000, 1L << 62 };
	static const long offsets[] = { 0, 1, -1, 17, 4096, -5, 1L << 62 };
	static const long bad[] = { -1, 0x7fffffff, 4000000, 123456, -100000 };
	static const struct timespec times[] = { { 0, 0 }, { 0, 1000 }, { 0, -1 }, { 0, 1000000000 }, { -1, 0 }, { 0, 999999 } };
	struct iovec *v;
	struct msghdr *m;
	struct pollfd *q;

	switch (kind) {
	case '0': return 0;
	case 'f':
	case 'w': return draw(6) ? fds[draw(FDS)] : bad[draw(3)];
	case 'g': return bad[draw(5)];
	case 'n': return draw(3) ? (long)(200 + draw(3)) : bad[draw(3)];
	case 'N': return 300 + draw(100);
	case 'p': return pointer();
	case 'W': { /* not one that can only be read */
		long p = pointer();

		return p == (long)readonly ? 16 : p;
	}
	case 'l': return lengths[draw(sizeof lengths / sizeof *lengths)];
	case 'L': return draw(2) ? 1 + draw(4095) : lengths[draw(6) + 9];
	case 'i': return draw(3) ? draw(40) : lengths[draw(sizeof lengths / sizeof *lengths)];
	case 'j': return draw(64) - 2;
	case 'o': return offsets[draw(7)];
	case 'c': return (long[]){ F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETLK, F_SETLK, F_OFD_SETLK, F_GETPIPE_SZ, 777, F_GETSIG, F_GETOWN }[draw(11)];
	case 'x': return (long[]){ 0x541b, 0x5401, 0x80000, 0x800, 0, 77, 1 }[draw(7)];
	case 'm': return (long[]){ 0, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_NOSIGNAL, 0x8000000 }[draw(7)] | MSG_DONTWAIT;
	case 'k': return (long[]){ 2 | 4, 1 | 4, 8, 4, 77, 0 | 4 }[draw(6)];
	case 's': return 2 | draw(2) * 64;
	case 'y': return (long[]){ FUTEX_WAKE, FUTEX_WAKE | 128, 99, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_UNLOCK_PI, FUTEX_WAKE_OP, FUTEX_WAKE_BITSET }[draw(8)];
	case 'z': return draw(4) ? 8 : lengths[draw(6)];
	case 'S': return draw(2) ? 65 + draw(3) : lengths[11];
	case 'a':
		*(struct sockaddr_in *)(page + 4096) = (struct sockaddr_in){ .sin_family = (sa_family_t)draw(20) };
		return draw(2) ? (long)page + 4096 : pointer();
	case 'b':
		memset(page + 5000, 0, 128);
		return draw(2) ? (long)page + 5000 : pointer();
	case 't':
		*(struct timespec *)(page + 5200) = times[draw(6)];
		return draw(8) ? (long)page + 5200 : 8;
	case 'u':
		memset(page + 5200, 0, 16);
		return draw(8) ? (long)page + 5200 : 8;
	case 'e':
		*(struct epoll_event *)(page + 5300) = (struct epoll_event){ .events = draw(64) };
		return draw(4) ? (long)page + 5300 : pointer();
	case 'v':
		v = (struct iovec *)(page + 5400);
		for (int i = 0; i < 20; i++)
			v[i] = (struct iovec){ draw(4) ? page + 6000 : (void *)pointer(), draw(4) ? 4 : (size_t)lengths[draw(15)] };
		return draw(4) ? (long)v : pointer();
	case 'h':
		m = (struct msghdr *)(page + 5800);
		*m = (struct msghdr){ .msg_iov = (struct iovec *)(page + 5400), .msg_iovlen = draw(3) };
		argument('v');
		return draw(4) ? (long)m : pointer();
	case 'q':
		q = (struct pollfd *)(page + 6200);
		for (int i = 0; i < 40; i++)
			q[i] = (struct pollfd){ (int)argument('f'), (short)draw(128), 0 };
		return draw(4) ? (long)q : pointer();
	}
	return 0;
}

static bool threads;

/* Calls that would wait, or do what the test must not. */
static int unfit(const struct call *c, const long *a)
{
	switch (c->nr) {
	case SYS_ppoll: return a[2] == 8 ? 0 : !a[2];
	case SYS_accept:
	case SYS_accept4: return (int)a[0] == fds[27];
	case SYS_flock: return !((int)a[1] & (4 | 8));
	case SYS_fcntl: return a[1] == F_SETFL;
	case SYS_setsockopt: return a[1] == SOL_SOCKET && (a[2] == SO_RCVTIMEO || a[2] == SO_SNDTIMEO || a[2] == SO_LINGER);
	case SYS_prctl: return a[0] != 1 && a[0] != 2 && a[0] != 3 && a[0] != 38;
	case SYS_close_range: return threads && a[2] & 2; /* CLOSE_RANGE_UNSHARE, for one thread */
	case SYS_mlock: return (unsigned long)a[1] > 1 << 20; /* locks what happens to lie behind, too */
	case SYS_mmap: return a[3] & MAP_FIXED || a[1] > 1 << 20;
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_madvise:
	case SYS_mremap: return !(a[0] & 4095);
	case SYS_rt_sigsuspend: return a[1] == 8;
	case SYS_clock_nanosleep: return (int)a[0] != 0 && (int)a[0] != 1 && (int)a[0] != 20;
	case SYS_clone3: return a[1] >= 64 && a[1] <= 4096;
	}
	return 0;
}

static void *blocked(void *arg)
{
	char c;

	(void)!read(*(int *)arg, &c, 1);
	return arg;
}

int main(int argc, char **argv)
{
	static int quiet[2], count;
	pthread_t t;

	if (argc < 2)
		return 2;
	state = strtoull(argv[1], NULL, 10);
	count = argc > 2 ? atoi(argv[2]) : 400;
	signal(SIGPIPE, SIG_IGN);
	page = mmap(NULL, 8192 + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	readonly = mmap(NULL, 8192 + 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(page + 8192, 65536, PROT_NONE);
	mprotect(readonly + 8192, 65536, PROT_NONE);
	threads = argc > 3;
	if (threads) {
		if (pipe(quiet) || dup2(quiet[0], 1000) < 0 || dup2(quiet[1], 1001) < 0)
			guest_die("pipe");
		quiet[0] = 1000;
		pthread_create(&t, NULL, blocked, &quiet[0]);
	}
	for (int i = 0; i < count; i++) {
		const struct call *c = &calls[draw(sizeof calls / sizeof *calls)];
		long a[6] = { 0 }, r;

		if (i % ROUND == 0)
			make_all();
		for (int k = 0; c->args[k]; k++)
			a[k] = argument(c->args[k]);
		if (unfit(c, a))
			continue;
		errno = 0;
		if (getenv("SAY"))
			fprintf(stderr, "%d %s(%lx, %lx, %lx, %lx, %lx, %lx)\n", i, c->name, a[0], a[1], a[2], a[3], a[4], a[5]);
		r = syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		printf("%d %s %s\n", i, c->name, r < 0 ? strerrorname_np(errno) : r > 100000 ? "much" : r ? "some" : "0");
		if (r > 0 && r < 100000)
			printf("  %ld\n", r);
	}
	return 0;
}
