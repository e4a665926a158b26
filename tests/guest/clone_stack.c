/* Children by clone and clone3 with memory of their own that begin on another stack, in a function of theirs: from the
 * first thread and from another, with its TLS, with threads, with their signals put back to the defaults. One that
 * shares the descriptors takes them for itself and leaves nothing in the table of its parent. */
#include "guest.h"

#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#define STACK 262144

static char *stack;
static __thread int mine;
static volatile sig_atomic_t handled;

static void handler(int signo)
{
	handled = signo;
}

static bool on_it(const void *address)
{
	return (const char *)address >= stack && (const char *)address < stack + STACK;
}

static void ends_with(int pid, int want)
{
	int status = -1;

	CHECK_INT(waitpid(pid, &status, __WALL), pid);
	CHECK_INT(status, want);
}

static void *sums(void *arg)
{
	mine = 4;
	*(int *)arg += mine;
	return NULL;
}

static int child(void *arg)
{
	int sum = mine;

	guest_failures = 0;
	CHECK(on_it(&sum));
	CHECK_INT(mine, *(int *)arg);
	CHECK_INT(gettid(), getpid());
	thread_join(thread_start(sums, &sum));
	CHECK_INT(sum, mine + 4);
	handled = 0;
	CHECK_OK(raise(SIGUSR1)); /* its frame lies on this stack */
	CHECK_INT(handled, SIGUSR1);
	*(int *)arg = 99; /* not the parent's */
	return guest_failures ? 1 : 7;
}

static void clones(int flags)
{
	int arg = mine;
	int pid = clone(child, stack + STACK, flags, &arg);

	CHECK(pid > 0);
	ends_with(pid, 7 << 8);
	CHECK_INT(arg, mine);
}

static void *in_thread(void *arg)
{
	mine = 3;
	clones(SIGCHLD);
	clones(0);
	return arg;
}

/* The child goes on in `run`, at the top of the new stack. */
static long clone3_to(struct clone_args *args, void (*run)(void))
{
	register void (*where)(void) __asm__("r12") = run;
	long pid;

	__asm__ volatile("syscall\n\t"
	                 "test %%rax, %%rax\n\t"
	                 "jnz 1f\n\t"
	                 "call *%%r12\n\t"
	                 "ud2\n"
	                 "1:"
	                 : "=a"(pid)
	                 : "0"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(where)
	                 : "rcx", "r11", "memory");
	return pid;
}

static bool is_default(int signo)
{
	struct sigaction action;

	return !sigaction(signo, NULL, &action) && action.sa_handler == SIG_DFL;
}

static void child3(void)
{
	int here = 0;

	guest_failures = 0;
	CHECK(on_it(&here));
	CHECK(is_default(SIGUSR1));
	CHECK(!is_default(SIGUSR2));
	thread_join(thread_start(sums, &here));
	CHECK_INT(here, 4);
	if (guest_failures)
		_exit(1);
	raise(SIGUSR1);
	_exit(2);
}

static void clones3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .stack = (uintptr_t)stack, .stack_size = STACK };
	struct clone_args wrong = args;

	args.flags = CLONE_CLEAR_SIGHAND;
	ends_with((int)clone3_to(&args, child3), SIGUSR1);
	wrong.stack_size = 0;
	CHECK_FAILS(syscall(SYS_clone3, &wrong, sizeof wrong), EINVAL);
	wrong = (struct clone_args){ .exit_signal = SIGCHLD, .stack_size = STACK };
	CHECK_FAILS(syscall(SYS_clone3, &wrong, sizeof wrong), EINVAL);
}

static int takes_files(void *arg)
{
	int *fds = arg, pair[2];

	guest_failures = 0;
	if (fds[2])
		CHECK_INT(close_range((unsigned)fds[0], (unsigned)fds[1], CLOSE_RANGE_UNSHARE), 0);
	else
		CHECK_INT(unshare(CLONE_FILES), 0);
	close(fds[0]);
	close(fds[1]);
	CHECK_INT(pipe(pair), 0); /* not in the parent's table */
	write_all(pair[1], "x", 1);
	thread_join(thread_start(byte_awaited, &pair[0]));
	return guest_failures ? 1 : 7;
}

static void files(int by_range)
{
	int fds[3] = { dup(0), dup(0), by_range }, before = open_files();

	ends_with(clone(takes_files, stack + STACK, CLONE_FILES | SIGCHLD, fds), 7 << 8);
	CHECK_INT(open_files(), before);
	CHECK_INT(close(fds[0]), 0);
	CHECK_INT(close(fds[1]), 0);
}

int main(void)
{
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		guest_die("mmap");
	on_signal(SIGUSR1, handler, 0);
	on_signal(SIGUSR2, SIG_IGN, 0);
	mine = 2;
	clones(SIGCHLD);
	clones(0);
	files(0);
	files(1);
	thread_join(thread_start(in_thread, NULL));
	clones3();
	return guest_done();
}
