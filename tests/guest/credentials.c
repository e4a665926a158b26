/* Giving up root reaches every thread of the process before the call returns: also those that are blocked in calls,
 * seen from outside. What another user may not do fails for all of them. As another user it only goes through the
 * motions. */
#include "guest.h"

#include <dirent.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define THREADS 5
#define NOBODY  65534

static char path[] = "/tmp/guest-credentials-XXXXXX";
static int held;

static void *locks(void *arg)
{
	int fd = open(path, O_RDWR);

	CHECK(fd >= 0);
	CHECK_INT(flock(fd, LOCK_EX), 0);
	CHECK_INT(flock(fd, LOCK_UN), 0);
	close(fd);
	return arg;
}

static void *waits(void *arg)
{
	while (sem_wait((sem_t *)arg) == -1)
		;
	return NULL;
}

/* How many threads of a process have not the ids that they should have. */
static int others(pid_t pid, uid_t uid)
{
	char name[64], line[128], want[64];
	struct dirent *entry;
	int wrong = 0;
	DIR *dir;

	snprintf(name, sizeof name, "/proc/%d/task", pid);
	snprintf(want, sizeof want, "Uid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
	dir = opendir(name);
	CHECK(dir != NULL);
	while (dir && (entry = readdir(dir))) {
		FILE *status;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "/proc/%d/task/%.20s/status", pid, entry->d_name);
		status = fopen(name, "r");
		while (status && fgets(line, sizeof line, status))
			if (!strncmp(line, "Uid:", 4) && strcmp(line, want))
				wrong++;
		if (status)
			fclose(status);
	}
	if (dir)
		closedir(dir);
	return wrong;
}

/* Looks at the first process from outside when it is told to. */
static pid_t observer(int *ask, int *answer)
{
	int in[2], out[2];
	pid_t pid, parent = getpid();

	if (pipe(in) == -1 || pipe(out) == -1)
		guest_die("pipe");
	pid = fork();
	if (pid == 0) {
		uid_t uid;
		int wrong;

		close(in[1]);
		while (read(in[0], &uid, sizeof uid) == sizeof uid) {
			wrong = others(parent, uid);
			write_all(out[1], &wrong, sizeof wrong);
		}
		unlink(path); /* which its parent may not any more */
		_exit(guest_failures);
	}
	close(in[0]);
	*ask = in[1];
	*answer = out[0];
	return pid;
}

static int ask_observer(int ask, int answer, uid_t uid)
{
	int wrong = -1;

	write_all(ask, &uid, sizeof uid);
	read_all(answer, &wrong, sizeof wrong);
	return wrong;
}

int main(void)
{
	sem_t *shared = (sem_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uid_t uid = getuid() ? getuid() : NOBODY;
	int ask, answer, status;
	pthread_t threads[THREADS + 1];
	pid_t child;

	held = mkstemp(path);
	CHECK_INT(fchmod(held, 0666), 0);
	CHECK_INT(flock(held, LOCK_EX), 0);
	sem_init(shared, 1, 0);
	child = observer(&ask, &answer);
	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(locks, NULL);
	threads[THREADS] = thread_start(waits, shared);
	sleep_ms(50); /* they are blocked by now; if not, no harm */

	CHECK_INT(setresuid((uid_t)-1, uid, (uid_t)-1), 0);
	CHECK_INT(setresuid(uid, uid, uid), 0);
	printf("threads with other ids: %d\n", ask_observer(ask, answer, uid));
	CHECK_FAILS(setuid(uid + 1), EPERM);
	CHECK_FAILS(open("/etc/shadow", O_RDONLY), EACCES);
	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);

	CHECK_INT(flock(held, LOCK_UN), 0);
	sem_post(shared);
	for (int i = 0; i < THREADS + 1; i++)
		thread_join(threads[i]);
	printf("threads with other ids: %d\n", ask_observer(ask, answer, uid));
	close(ask);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	return guest_done();
}
