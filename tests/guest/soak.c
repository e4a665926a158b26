/* The same thing many times over, without growth: "soak threads N" makes and joins N threads one after the other,
 * "soak connections N" makes N connections, each served by a thread of its own, "soak opens N" opens and closes N
 * times. Resident memory, descriptors and mappings are measured after a tenth, in the middle and at the end; with
 * "report" as third argument they are printed, else only checked. */
#include "guest.h"

#include <dirent.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "net.h"

enum { RSS_MAY_GROW = 512, MAPS_MAY_GROW = 4 }; /* KiB and mappings, from a tenth of the way to its end */

struct measure {
	long rss, descriptors, mappings;
};

static const char *what;
static bool report;
static struct measure early;

/* The number behind a name in /proc/self/status, in its own unit. */
static long status_of(const char *name)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	long value = -1;

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (f)
		fclose(f);
	return value;
}

static long lines_of(const char *path)
{
	FILE *f = fopen(path, "r");
	long lines = 0;

	for (int c = f ? fgetc(f) : EOF; c != EOF; c = fgetc(f))
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines;
}

static void show(const char *path)
{
	FILE *f = fopen(path, "r");

	for (int c = f ? fgetc(f) : EOF; c != EOF; c = fgetc(f))
		fputc(c, stderr);
	if (f)
		fclose(f);
}

static long entries_of(const char *path)
{
	DIR *d = opendir(path);
	long entries = 0;

	while (d && readdir(d))
		entries++;
	if (d)
		closedir(d);
	return entries - 3; /* . and .. and the listing itself */
}

static struct measure measured(long at)
{
	struct measure m = { status_of("VmRSS:"), entries_of("/proc/self/fd"), lines_of("/proc/self/maps") };

	if (report)
		printf("%s %8ld: %6ld KiB resident, %ld descriptors, %ld mappings\n", what, at, m.rss, m.descriptors,
		       m.mappings);
	return m;
}

/* Called before each round. */
static void look(long i, long n)
{
	if (i == n / 10)
		early = measured(i);
	else if (i == n / 2 && report)
		measured(i);
}

static void judge(long n)
{
	struct measure end = measured(n);

	if (end.descriptors > early.descriptors)
		guest_fail(__FILE__, __LINE__, "%ld descriptors grew to %ld", early.descriptors, end.descriptors);
	if (end.rss - early.rss > RSS_MAY_GROW)
		guest_fail(__FILE__, __LINE__, "%ld KiB resident grew to %ld", early.rss, end.rss);
	if (end.mappings - early.mappings > MAPS_MAY_GROW) {
		guest_fail(__FILE__, __LINE__, "%ld mappings grew to %ld", early.mappings, end.mappings);
		show("/proc/self/maps");
	}
	printf("%s: %ld without growth\n", what, n);
}

/* ---- threads ------------------------------------------------------------------- */

static void *returns(void *arg)
{
	return arg;
}

static void threads(long n)
{
	for (long i = 0; i < n; i++) {
		look(i, n);
		if (thread_join(thread_start(returns, &early)) != &early)
			guest_die("a thread's value");
	}
}

/* ---- connections ---------------------------------------------------------------- */

static int listener;
static long served;

static void *serves(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char byte;

	if (read(fd, &byte, 1) == 1)
		write_all(fd, &byte, 1);
	__atomic_add_fetch(&served, 1, __ATOMIC_RELAXED);
	close(fd);
	return NULL;
}

static void *accepts(void *arg)
{
	long n = *(long *)arg;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (long i = 0; i < n; i++) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd == -1)
			guest_die("accept");
		if (pthread_create(&thread, &attr, serves, (void *)(intptr_t)fd))
			guest_die("pthread_create");
	}
	return NULL;
}

static void connections(long n)
{
	struct linger reset = { 1, 0 }; /* so that no closed connection keeps its port */
	struct sockaddr_in at;
	pthread_t server;

	listener = net_listen(&at);
	server = thread_start(accepts, &n);
	for (long i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char byte = 0;

		while (__atomic_load_n(&served, __ATOMIC_RELAXED) < i)
			sched_yield(); /* its descriptor is closed, or nearly so */
		look(i, n);
		if (fd == -1 || connect(fd, (struct sockaddr *)&at, sizeof at) == -1)
			guest_die("connect");
		write_all(fd, "x", 1);
		read_all(fd, &byte, 1);
		if (byte != 'x')
			guest_die("echo");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fd);
	}
	thread_join(server);
	close(listener);
}

/* ---- opens ------------------------------------------------------------------------ */

static sem_t over;

static void *waits(void *arg)
{
	sem_wait(&over);
	return arg;
}

static void opens(long n)
{
	pthread_t other;
	int fd[2];

	sem_init(&over, 0, 0);
	other = thread_start(waits, NULL);
	for (long i = 0; i < n; i++) {
		look(i, n);
		fd[0] = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
		fd[1] = eventfd(1, 0);
		if (fd[0] == -1 || fd[1] == -1)
			guest_die("open");
		eventfd_read(fd[1], &(eventfd_t){ 0 });
		close(fd[0]);
		close(fd[1]);
		if (i % 16)
			continue;
		if (pipe(fd) == -1)
			guest_die("pipe");
		write_all(fd[1], "y", 1);
		read_all(fd[0], &(char){ 0 }, 1);
		close(fd[0]);
		close(fd[1]);
	}
	sem_post(&over);
	thread_join(other);
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 20000;

	what = argc > 1 ? argv[1] : "threads";
	measured(0); /* what measuring itself needs is there from now on */
	report = argc > 3;
	if (!strcmp(what, "threads"))
		threads(n);
	else if (!strcmp(what, "connections"))
		connections(n);
	else if (!strcmp(what, "opens"))
		opens(n);
	else
		return 2;
	judge(n);
	return guest_done();
}
