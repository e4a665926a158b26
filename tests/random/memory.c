/* memory.c - mappings, faults and what becomes of a file: see random.h. */
#include "random.h"
#include <setjmp.h>
#include <sys/mman.h>

static __thread sigjmp_buf away;
static __thread volatile int code;
static __thread void *volatile where;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	code = sig << 8 | info->si_code;
	where = info->si_addr;
	siglongjmp(away, 1);
}

static void prepare_fault(struct event *e, struct random *r)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

/* A page that may not be touched, one that is gone, one behind the end of its file. */
static void fault(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	uint32_t how = draw(&r, 4);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("fault", MFD_CLOEXEC), failed;
	long n;

	if (p == MAP_FAILED || fd < 0)
		guest_die("mmap");
	switch (how) {
	case 0: mprotect(p, 8192, PROT_NONE); break;
	case 1: mprotect(p, 8192, PROT_READ); break;
	case 2: mmap(p, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0); break;
	default: mprotect(p + 4096, 4096, PROT_NONE);
	}
	n = read(fd, p, 1); /* the end of file comes first */
	failed = n < 0 ? errno : 0;
	note(w, e, "read: %ld %s", n, named(failed));
	if (!sigsetjmp(away, 1)) {
		*(volatile char *)(p + 4096 + 17) = 1;
		note(w, e, "no fault");
	} else {
		note(w, e, "%d: signal %d, code %d, at %ld", how, code >> 8, code & 255, (long)((char *)where - p));
	}
	n = pwrite(fd, p, 8192, 0);
	failed = n < 0 ? errno : 0;
	note(w, e, "pwrite: %ld %s", n, named(failed));
	munmap(p, 8192);
	close(fd);
}

static void remap(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	size_t size = 4096 * (1 + draw(&r, 20)), larger = size + 4096 * draw(&r, 100);
	unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long sum = 0;

	if (p == MAP_FAILED)
		guest_die("mmap");
	memset(p, 3, size);
	p = mremap(p, size, larger, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		guest_die("mremap");
	for (size_t i = 0; i < larger; i += 4096)
		sum += p[i];
	note(w, e, "%lu of %zu", sum, larger / 4096);
	munmap(p, larger);
}

/* The position belongs to the description, not to its numbers. */
static void position(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	char path[] = "/tmp/random-XXXXXX", buf[100];
	int a = mkostemp(path, O_CLOEXEC), b, c;
	ssize_t n;

	unlink(path);
	b = dup(a);
	c = fcntl(a, F_DUPFD_CLOEXEC, 100);
	if (a < 0 || b < 0 || c < 100)
		guest_die("dup");
	for (int i = 0; i < 6; i++) {
		int fd = (int[]){ a, b, c }[draw(&r, 3)];

		switch (draw(&r, 4)) {
		case 0: n = write(fd, "0123456789", 1 + draw(&r, 10)); break;
		case 1: n = lseek(fd, draw(&r, 30), SEEK_SET); break;
		case 2: n = pwrite(fd, "abc", 3, draw(&r, 50)); break;
		default: n = read(fd, buf, 1 + draw(&r, 99));
		}
		note(w, e, "%zd at %ld", n, (long)lseek(a, 0, SEEK_CUR));
	}
	close(a);
	close(b);
	n = read(c, buf, 1);
	note(w, e, "%zd, then %d", n, close(c));
}

const struct kind memory_kinds[] = {
	{ "fault", 1, 1, prepare_fault, fault }, { "remap", 1, 1, NULL, remap }, { "position", 1, 1, NULL, position }, { 0 }
};
