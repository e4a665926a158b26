/* fork from a program with threads: the child has one thread, can make its own, and its exit status arrives. */
#include "guest.h"

#include <sys/wait.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pipe_fd[2], prepared, in_parent, in_child, counter, stop;

static void prepare(void)
{
	prepared++;
	pthread_mutex_lock(&mutex);
}
static void parent(void)
{
	in_parent++;
	pthread_mutex_unlock(&mutex);
}
static void child(void)
{
	in_child++;
	pthread_mutex_unlock(&mutex);
}

static void *counts(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
		sleep_ms(1);
	}
	return arg;
}

static void *adds(void *arg)
{
	char byte;

	read_all(pipe_fd[0], &byte, 1);
	pthread_mutex_lock(&mutex);
	counter += (int)(long)arg;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static int in_the_child(void)
{
	pthread_t threads[10];

	CHECK_INT(gettid(), getpid());
	counter = 0;
	for (long i = 0; i < 10; i++)
		threads[i] = thread_start(adds, (void *)i);
	for (int i = 0; i < 10; i++)
		write_all(pipe_fd[1], "x", 1);
	for (int i = 0; i < 10; i++)
		thread_join(threads[i]);
	CHECK_INT(counter, 45);
	CHECK_INT(in_child, 1);
	sleep_ms(5);
	return guest_failures ? 1 : 40;
}

static void *forks(void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(in_the_child());
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 40);
	return arg;
}

int main(void)
{
	pthread_t worker, forkers[5];

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	pthread_atfork(prepare, parent, child);
	worker = thread_start(counts, NULL);
	for (int i = 0; i < 3; i++)
		forks(NULL);                    /* from the first thread */
	thread_join(thread_start(forks, NULL)); /* from another */
	printf("one after the other: %d\n", in_parent);
	for (int i = 0; i < 5; i++) {
		pid_t pid;
		int status;

		if (pipe(pipe_fd) == -1)
			guest_die("pipe");
		pid = fork();
		if (pid == 0) {
			/* A child of a child, and exit() in the child runs its handlers. */
			pid = fork();
			if (pid == 0)
				_exit(7);
			CHECK_INT(waitpid(pid, &status, 0), pid);
			exit(WEXITSTATUS(status) + i);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(WEXITSTATUS(status), 7 + i);
	}
	for (int i = 0; i < 5; i++)
		forkers[i] = thread_start(forks, NULL);
	for (int i = 0; i < 5; i++)
		thread_join(forkers[i]);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(worker);
	CHECK_INT(prepared, in_parent);
	printf("%d forks\n", prepared);
	return guest_done();
}
