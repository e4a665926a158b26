/* The kernel's own library in each process, called by its functions' addresses: clocks that it can read by itself and
 * clocks for which it makes a system call, right and wrong ones; it and libc and the system call say the same. */
#include "guest.h"

#include <elf.h>
#include <limits.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/time.h>

static void *symbol(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR), *names = NULL;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(base + ((const Elf64_Ehdr *)base)->e_phoff);
	const Elf64_Sym *sym = NULL;
	const uint32_t *hash = NULL;
	const Elf64_Dyn *dyn = NULL;

	for (int i = 0; i < ((const Elf64_Ehdr *)base)->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const Elf64_Dyn *)(base + ph[i].p_offset);
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = base + dyn->d_un.d_ptr;

		sym = dyn->d_tag == DT_SYMTAB ? (const Elf64_Sym *)at : sym;
		names = dyn->d_tag == DT_STRTAB ? (const char *)at : names;
		hash = dyn->d_tag == DT_HASH ? (const uint32_t *)at : hash;
	}
	for (uint32_t i = 0; sym && names && hash && i < hash[1]; i++)
		if (!strcmp(names + sym[i].st_name, name))
			return (void *)(base + sym[i].st_value);
	return NULL;
}

static const clockid_t clocks[] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,   9,   10,   11,
	                            12, 15, 16, 17, -1, -2, -6, -7, -13, -14, 1000, INT_MAX };

static int (*get)(clockid_t, struct timespec *), (*resolution)(clockid_t, struct timespec *);

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * (int64_t)1000000000 + ts->tv_nsec;
}

/* Each clock, by three ways, one after the other: time does not go back between them. */
static void *each_clock(void *arg)
{
	for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
		struct timespec ts[3] = { { 0, 0 }, { 0, 0 }, { 0, 0 } };
		int r[3];

		r[0] = get(clocks[i], &ts[0]);
		r[1] = clock_gettime(clocks[i], &ts[1]) ? -errno : 0;
		r[2] = syscall(SYS_clock_gettime, clocks[i], &ts[2]) ? -errno : 0;
		CHECK_INT(r[1], r[0]);
		CHECK_INT(r[2], r[0]);
		/* The coarse ones of the kernel are behind the exact ones, not behind themselves. */
		CHECK(ns(&ts[1]) >= ns(&ts[0]) && ns(&ts[2]) >= ns(&ts[1]));
		if (arg)
			printf("clock %d: %d, resolution %d\n", clocks[i], r[0], resolution(clocks[i], &ts[0]));
	}
	return arg;
}

int main(void)
{
	int (*cpu)(unsigned *, unsigned *, void *) = (int (*)(unsigned *, unsigned *, void *))symbol("__vdso_getcpu");
	int (*day)(struct timeval *, void *) = (int (*)(struct timeval *, void *))symbol("__vdso_gettimeofday");
	time_t (*seconds)(time_t *) = (time_t(*)(time_t *))symbol("__vdso_time");
	unsigned on = UINT_MAX, node = UINT_MAX;
	struct timeval tv = { 0, 0 };
	pthread_t threads[3];
	time_t t = 0;

	get = (int (*)(clockid_t, struct timespec *))symbol("__vdso_clock_gettime");
	resolution = (int (*)(clockid_t, struct timespec *))symbol("__vdso_clock_getres");
	if (!get || !resolution || !cpu || !day || !seconds)
		guest_die("the vDSO has not what it should");
	each_clock(&t);
	for (int i = 0; i < 3; i++)
		threads[i] = thread_start(each_clock, NULL);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	CHECK_INT(cpu(&on, &node, NULL), 0);
	CHECK(on < CPU_SETSIZE && node < 1024);
	CHECK_INT(syscall(SYS_getcpu, &on, &node, NULL), 0);
	CHECK(on < CPU_SETSIZE && node < 1024);
	CHECK(sched_getcpu() >= 0);
	CHECK_INT(day(&tv, NULL), 0);
	CHECK(seconds(&t) == t && t >= tv.tv_sec && t <= time(NULL) && syscall(SYS_time, NULL) >= t);
	CHECK_FAILS(syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, guest_nowhere), EFAULT);
	CHECK_FAILS(syscall(SYS_clock_gettime, CLOCK_REALTIME, guest_nowhere), EFAULT);
	CHECK_INT(get(CLOCK_PROCESS_CPUTIME_ID, (struct timespec *)guest_nowhere), -EFAULT);
	return guest_done();
}
