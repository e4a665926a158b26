/* process_vm_readv and process_vm_writev: with a child, with oneself, in pieces, up to the end of what is mapped, and
 * what is refused; while other threads run. */
#include "guest.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char text[64] = "the parent's";
static volatile int turns, stop;

static void *turns_about(void *arg)
{
	while (!stop) {
		turns++;
		sched_yield();
	}
	return arg;
}

int main(void)
{
	char here[64] = "", more[64] = "";
	struct iovec local[2] = { { here, 4 }, { more, sizeof more } },
		     remote[2] = { { text, sizeof text }, { NULL, 0 } };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	pthread_t thread = thread_start(turns_about, NULL);
	int fd[2], back[2], status;
	char *edge, byte;
	pid_t child;

	if (pipe(fd) == -1 || pipe(back) == -1)
		guest_die("pipe");
	child = fork();
	if (child == 0) {
		strcpy(text, "the child's own");
		write_all(back[1], "r", 1);
		read_all(fd[0], &byte, 1);
		_exit(strcmp(text, "THE child's own") ? 1 : 7);
	}
	read_all(back[0], &byte, 1);

	CHECK_INT(process_vm_readv(child, local, 2, remote, 1, 0), 64);
	CHECK_INT(strncmp(here, "the ", 4), 0);
	CHECK_STR(more, "child's own");
	CHECK_STR(text, "the parent's");
	local[0] = (struct iovec){ "THE", 3 };
	CHECK_INT(process_vm_writev(child, local, 1, remote, 1, 0), 3);
	write_all(fd[1], "g", 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(WEXITSTATUS(status), 7);
	CHECK_FAILS(process_vm_readv(child, local, 1, remote, 1, 0), ESRCH);

	/* Oneself, from a buffer whose end is not mapped. */
	edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(edge, 'e', 2 * page);
	munmap(edge + page, page);
	local[0] = (struct iovec){ here, sizeof here };
	remote[0] = (struct iovec){ edge + page - 10, 10 };
	remote[1] = (struct iovec){ edge + page, 10 };
	CHECK_INT(process_vm_readv(getpid(), local, 1, remote, 2, 0), 10);
	CHECK_INT(here[9], 'e');
	CHECK_FAILS(process_vm_readv(getpid(), local, 1, remote + 1, 1, 0), EFAULT);
	CHECK_FAILS(process_vm_readv(getpid(), local, 1, remote, 1, 1), EINVAL);
	CHECK_FAILS(process_vm_readv(getpid(), local, 2000, remote, 1, 0), EINVAL);
	CHECK_FAILS(process_vm_writev(getpid(), local, 1, guest_nowhere, 1, 0), EFAULT);
	CHECK_INT(process_vm_readv(getpid(), local, 0, remote, 1, 0), 0);
	while (turns < 3)
		sched_yield();
	stop = 1;
	thread_join(thread);
	munmap(edge, page);
	return guest_done();
}
