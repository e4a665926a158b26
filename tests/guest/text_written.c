/* Code that the program makes while it runs, with system calls of its own: in memory that is writable and executable,
 * one after the other, through two mappings of one file; and mappings at addresses of its own choice, wherever
 * others may have put something. Each call gives what was written last. */
#include "guest.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sys/mman.h>

#define SIZE  8192
#define CALLS 4 /* a place becomes well known */

/* mov $nr,%eax; syscall; add $n,%eax; ret */
static const unsigned char code[] = { 0xb8, SYS_getppid, 0, 0, 0, 0x0f, 0x05, 0x05, 0, 0, 0, 0, 0xc3 };

static void put(char *p, int added)
{
	memcpy(p, code, sizeof code);
	memcpy(p + 8, &added, sizeof added);
}

static int call(char *p)
{
	int r = 0;

	for (int i = 0; i < CALLS; i++)
		r = ((int (*)(void))p)();
	return r - getppid();
}

static char *map(void *where, int prot, int flags, int fd)
{
	char *p = (char *)mmap(where, SIZE, prot, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		guest_die("mmap");
	return p;
}

/* Blocks in a call that the code makes, while the code is changed behind it. */
static int pipe_fd[2];
static char *blocking;

static void *blocks(void *arg)
{
	char byte = 0;
	long r = ((long (*)(long, void *, long))blocking)(pipe_fd[0], &byte, 1);

	CHECK_INT(r, 1);
	CHECK_INT(byte, 'b');
	return arg;
}

static void writable(void)
{
	char *p = map(NULL, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, -1);

	put(p, 1);
	CHECK_INT(call(p), 1);
	put(p, 2);
	CHECK_INT(call(p), 2);
	memset(p + 5, 0x90, 2); /* no system call any more: its number */
	CHECK_INT(((int (*)(void))p)(), SYS_getppid + 2);
	put(p + 4096 - 6, 3); /* across pages */
	CHECK_INT(call(p + 4096 - 6), 3);
	CHECK_INT(mprotect(p, 4096, PROT_READ | PROT_EXEC), 0);
	CHECK_INT(call(p + 4096 - 6), 3);
	munmap(p, SIZE);
	CHECK(map(p, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, -1) == p);
	put(p, 4);
	CHECK_INT(call(p), 4);
	munmap(p, SIZE);
}

static void one_after_the_other(void)
{
	char *p = map(NULL, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);

	for (int i = 0; i < 10; i++) {
		put(p + i, i);
		CHECK_INT(mprotect(p, SIZE, PROT_READ | PROT_EXEC), 0);
		CHECK_INT(call(p + i), i);
		CHECK_INT(mprotect(p, SIZE, PROT_READ | PROT_WRITE), 0);
	}
	munmap(p, SIZE);
}

static void two_mappings(int flags)
{
	int fd = memfd_create("code", MFD_CLOEXEC);
	char *w, *x;

	CHECK_INT(ftruncate(fd, SIZE), 0);
	w = map(NULL, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	x = map(NULL, PROT_READ | PROT_EXEC, flags, fd);
	for (int i = 0; i < 7; i++) {
		put(w + i % 3 * 64, i);
		CHECK_INT(call(x + i % 3 * 64), i);
	}
	munmap(w, SIZE);
	CHECK_INT(call(x), 6);
	munmap(x, SIZE);
	close(fd);
}

static void blocked(void)
{
	static const unsigned char reads[] = { 0x31, 0xc0, 0x0f, 0x05, 0xc3 }; /* xor %eax,%eax; syscall; ret */
	pthread_t t;

	CHECK_INT(pipe(pipe_fd), 0);
	blocking = map(NULL, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, -1);
	memcpy(blocking, reads, sizeof reads);
	t = thread_start(blocks, NULL);
	sched_yield();
	__atomic_store_n(blocking, 0x29, __ATOMIC_SEQ_CST); /* sub for xor: the same at any moment */
	write_all(pipe_fd[1], "b", 1);
	thread_join(t);
	munmap(blocking, SIZE);
}

/* As they were at the beginning; 0: a process that cannot be seen from here. */
static pid_t parent, group, session;

static int calls_work(void)
{
	return getppid() == parent && getpgid(0) == group && getsid(0) == session;
}

/* Text of a library: not executable for a moment, writable for a moment, moved away and back. */
static void library(void)
{
	char *page = (char *)((unsigned long)dlsym(RTLD_DEFAULT, "getpgid") & ~4095UL);

	for (int i = 0; i < CALLS; i++)
		CHECK_INT(getpgid(0), group);
	CHECK_INT(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	CHECK_INT(getpgid(0), group);
	CHECK_INT(mprotect(page, 4096, PROT_READ | PROT_EXEC), 0);
	for (int i = 0; i < CALLS; i++)
		CHECK_INT(getpgid(0), group);
	CHECK_FAILS(getpgid(-1), ESRCH);
}

/* Its own mappings at each 16 MiB around the text, over whatever is not the program's; nothing of it is lost. */
static void places(int how)
{
	uintptr_t text = (uintptr_t)dlsym(RTLD_DEFAULT, "getpgid") & ~0xffffUL;
	int refused = 0;

	for (int i = 0; i < CALLS; i++)
		CHECK(calls_work());
	for (uintptr_t i = 1; i < 20; i++) {
		void *want = (void *)(text - i * 0x1000000);
		char *p = (char *)mmap(want, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | how, -1, 0);

		refused += p != want;
		if (p == want)
			memset(p, 0xcc, 65536);
		CHECK(calls_work());
	}
	CHECK_INT(refused, 0);
	for (int i = 0; i < CALLS; i++)
		CHECK(calls_work());
}

int main(void)
{
	mallopt(M_ARENA_MAX, 1); /* others would lie where places() maps */
	parent = getppid();
	group = getpgid(0);
	session = getsid(0);
	writable();
	one_after_the_other();
	two_mappings(MAP_SHARED);
	two_mappings(MAP_PRIVATE);
	blocked();
	library();
	places(MAP_FIXED_NOREPLACE);
	places(MAP_FIXED);
	return guest_done();
}
