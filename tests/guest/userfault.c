/* userfaultfd: a thread gives other threads the pages that they touch; blocked in poll, in read, and with several of
 * them faulting at once; what the kernel refuses. Or says that there is no such thing. */
#include "guest.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGES 6

static size_t page;
static char *area;
static int uffd, served;

static int open_uffd(int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY);

	if (fd == -1)
		return -1;
	CHECK_INT(ioctl(fd, UFFDIO_API, &api), 0);
	return fd;
}

static void watch(void *from, size_t size)
{
	struct uffdio_register reg = { .range = { (uint64_t)(uintptr_t)from, size },
		                       .mode = UFFDIO_REGISTER_MODE_MISSING };

	CHECK_INT(ioctl(uffd, UFFDIO_REGISTER, &reg), 0);
}

/* Gives as many pages as it is asked for, each filled with its number. */
static void *serves(void *arg)
{
	bool by_poll = arg != NULL;
	char *fill = aligned_alloc(page, page);

	for (served = 0; served < PAGES;) {
		struct uffdio_copy copy = { .src = (uint64_t)(uintptr_t)fill, .len = page };
		struct pollfd waits = { uffd, POLLIN, 0 };
		struct uffd_msg msg;
		ssize_t n;

		if (by_poll)
			CHECK_INT(poll(&waits, 1, -1), 1);
		n = read(uffd, &msg, sizeof msg);
		if (n == -1 && errno == EAGAIN)
			continue;
		CHECK_INT(n, sizeof msg);
		CHECK_INT(msg.event, UFFD_EVENT_PAGEFAULT);
		copy.dst = msg.arg.pagefault.address & ~(page - 1);
		memset(fill, 'a' + (int)(((char *)(uintptr_t)copy.dst - area) / (long)page), page);
		CHECK_INT(ioctl(uffd, UFFDIO_COPY, &copy), 0);
		served++;
	}
	free(fill);
	return NULL;
}

static void *touches(void *arg)
{
	return (void *)(long)*((volatile char *)arg + 100);
}

static void round_of(const char *what, int flags, bool by_poll, bool at_once)
{
	pthread_t server, thread[PAGES];

	uffd = open_uffd(flags);
	if (uffd == -1)
		guest_die("userfaultfd");
	area = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	watch(area, PAGES * page);
	server = thread_start(serves, by_poll ? &uffd : NULL);
	printf("%s: ", what);
	for (int i = 0; at_once && i < PAGES; i++)
		thread[i] = thread_start(touches, area + (size_t)i * page);
	for (int i = 0; i < PAGES; i++)
		putchar(at_once ? (int)(long)thread_join(thread[i]) : (int)(long)touches(area + (size_t)i * page));
	putchar('\n');
	thread_join(server);
	close(uffd);
	munmap(area, PAGES * page);
}

int main(void)
{
	struct uffdio_api api = { .api = 0x99 };
	char *page_of_ours;

	page = (size_t)sysconf(_SC_PAGESIZE);
	uffd = (int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
	if (uffd == -1) {
		printf("not to be had: %s\n", strerrorname_np(errno));
		return 0;
	}
	close(uffd);
	CHECK_FAILS(syscall(SYS_userfaultfd, 0x100), EINVAL);
	uffd = (int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY | O_NONBLOCK);
	CHECK_FAILS(ioctl(uffd, UFFDIO_API, &api), EINVAL);
	close(uffd);
	round_of("poll, one after the other", O_NONBLOCK | O_CLOEXEC, true, false);
	round_of("poll, at once", O_NONBLOCK, true, true);
	round_of("read, one after the other", 0, false, false);
	round_of("read, at once", O_CLOEXEC, false, true);

	/* What a call is to fill for the program is not waited for. */
	uffd = open_uffd(O_NONBLOCK);
	page_of_ours = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	watch(page_of_ours, page);
	CHECK_FAILS(pipe((int *)(void *)page_of_ours), EFAULT);
	close(uffd);
	CHECK_INT(pipe((int *)(void *)page_of_ours), 0);
	return guest_done();
}
