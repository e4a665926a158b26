/* Calls that are not made through libc's wrappers: syscall(2) and a syscall instruction of the program's own. */
#include "guest.h"

static int pipe_fd[2];

static long raw3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

/* Every register that the kernel keeps must be kept, over a call that blocks too; the red zone as well. */
static long raw_kept(long fd, char *byte)
{
	long result, wrong;

	__asm__ volatile("movq %%rsp, %%rbx\n\t"
	                 "movq $0x1111, -8(%%rsp)\n\t"
	                 "movq $0x2222, -128(%%rsp)\n\t"
	                 "movl $8, %%r8d\n\tmovl $9, %%r9d\n\tmovl $10, %%r10d\n\tmovl $12, %%r12d\n\t"
	                 "movl $13, %%r13d\n\tmovl $14, %%r14d\n\tmovl $15, %%r15d\n\t"
	                 "movl $0, %%eax\n\t"
	                 "syscall\n\t"
	                 "xorl %%ecx, %%ecx\n\t"
	                 "cmpq $8, %%r8\n\tsetne %%cl\n\tmovq %%rcx, %%r11\n\t"
	                 "cmpq $9, %%r9\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $10, %%r10\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $12, %%r12\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $13, %%r13\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $14, %%r14\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $15, %%r15\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $1, %%rdx\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq %%rsp, %%rbx\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $0x1111, -8(%%rsp)\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "cmpq $0x2222, -128(%%rsp)\n\tsetne %%cl\n\torq %%rcx, %%r11\n\t"
	                 "movq %%r11, %%rcx\n\t"
	                 : "=&a"(result), "=&c"(wrong)
	                 : "D"(fd), "S"(byte), "d"(1L)
	                 : "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	CHECK_INT(wrong, 0);
	return result;
}

static void *reads(void *arg)
{
	char byte = 0;

	for (int i = 0; i < 100; i++) {
		if (arg)
			CHECK_INT(raw_kept(pipe_fd[0], &byte), 1);
		else
			CHECK_INT(raw3(SYS_read, pipe_fd[0], (long)&byte, 1), 1);
		CHECK_INT(byte, 'x');
	}
	return NULL;
}

int main(void)
{
	pthread_t one, two;
	char byte;

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	one = thread_start(reads, NULL);
	two = thread_start(reads, &byte);
	for (int i = 0; i < 200; i++) {
		CHECK_INT(syscall(SYS_write, pipe_fd[1], "x", 1), 1);
		syscall(SYS_sched_yield);
	}
	thread_join(one);
	thread_join(two);
	CHECK_INT(raw3(SYS_getpid, 0, 0, 0), getpid());
	CHECK_INT(raw3(SYS_close, -1, 0, 0), -EBADF);
	CHECK_FAILS(syscall(SYS_close, -1), EBADF);
	CHECK_INT(raw3(9999, 1, 2, 3), -ENOSYS);
	CHECK_FAILS(syscall(9999, 1, 2, 3), ENOSYS);
	CHECK_FAILS(syscall(SYS_read, pipe_fd[0], (void *)8, 0x7fffffff00000000L), EFAULT);
	return guest_done();
}
