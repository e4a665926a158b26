/* Blocking calls that no readiness tells of: one thread is blocked in the call that is named, another one releases it.
 */
#include "guest.h"

#include <semaphore.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static sem_t entered;
static char path[] = "/tmp/offload.XXXXXX";
static int held, queue, semaphores, pipe_fd[2], pair[2];

struct message {
	long type;
	char text[8];
};

static void *calls(void *arg)
{
	const char *what = (const char *)arg;
	struct message message;
	struct sembuf down = { 0, -1, 0 };
	off_t at = 0;

	sem_post(&entered);
	if (!strcmp(what, "flock")) {
		int own = open(path, O_RDWR);

		CHECK_INT(flock(own, LOCK_EX), 0);
		close(own);
	} else if (!strcmp(what, "lock")) { /* locks of open descriptions exclude each other within a process too */
		struct flock lock = { .l_type = F_WRLCK };
		int own = open(path, O_RDWR);

		CHECK_INT(fcntl(own, F_OFD_SETLKW, &lock), 0);
		close(own);
	} else if (!strcmp(what, "msgrcv")) {
		CHECK_INT(msgrcv(queue, &message, sizeof message.text, 3, 0), 5);
		CHECK_STR(message.text, "sent");
	} else if (!strcmp(what, "semop")) {
		CHECK_INT(semop(semaphores, &down, 1), 0);
	} else if (!strcmp(what, "splice")) {
		CHECK_INT(splice(pipe_fd[0], NULL, pair[0], NULL, 5, 0), 5);
	} else if (!strcmp(what, "sendfile")) {
		CHECK_INT(sendfile(pair[0], held, &at, 4 << 20), 4 << 20); /* more than the socket holds */
		shutdown(pair[0], SHUT_WR);
	}
	return NULL;
}

static void release(const char *what)
{
	struct message message = { 3, "sent" };
	struct sembuf up = { 0, 1, 0 };
	struct flock unlock = { .l_type = F_UNLCK };
	static char buffer[100000];
	long sum = 0;
	ssize_t n;

	if (!strcmp(what, "flock")) {
		CHECK_INT(flock(held, LOCK_UN), 0);
	} else if (!strcmp(what, "lock")) {
		CHECK_INT(fcntl(held, F_OFD_SETLK, &unlock), 0);
	} else if (!strcmp(what, "msgrcv")) {
		CHECK_INT(msgsnd(queue, &message, 5, 0), 0);
	} else if (!strcmp(what, "semop")) {
		CHECK_INT(semop(semaphores, &up, 1), 0);
	} else if (!strcmp(what, "splice")) {
		write_all(pipe_fd[1], "moved", 5);
		read_all(pair[1], buffer, 5);
		CHECK_STR(buffer, "moved");
	} else if (!strcmp(what, "sendfile")) {
		while ((n = read(pair[1], buffer, sizeof buffer)) > 0)
			sum += n;
		CHECK_INT(sum, 4 << 20);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "flock";
	struct flock lock = { .l_type = F_WRLCK };
	pthread_t thread;

	sem_init(&entered, 0, 0);
	held = mkstemp(path);
	CHECK_INT(ftruncate(held, 4 << 20), 0);
	CHECK_INT(flock(held, LOCK_EX), 0);
	CHECK_INT(fcntl(held, F_OFD_SETLK, &lock), 0);
	queue = msgget(IPC_PRIVATE, 0600);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	if (pipe(pipe_fd) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		guest_die("pipe");
	thread = thread_start(calls, (void *)what);
	sem_wait(&entered);
	sleep_ms(30);
	release(what);
	thread_join(thread);
	printf("%s went on\n", what);
	unlink(path);
	msgctl(queue, IPC_RMID, NULL);
	semctl(semaphores, 0, IPC_RMID);
	return guest_done();
}
