/* Several users of the chat server, a thread each, spread over some rooms.
 *
 *	chat_driver PORT USERS ROOMS LINES
 *
 * Each joins its room, waits until all of the room are there, says its lines and reads until it has every line of
 * everybody. What each user saw is printed: how many lines of how many users, and whether each user's came in order.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_USERS = 500 };

struct driver {
	int number, lines, users, ordered, refused, left;
	char *who; /* owned: the answer to WHO when all others have left */
};

static int port, users, rooms, lines;
static pthread_barrier_t all_there, all_read;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		                 .sin_port = htons(port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
		die("connect");
	return fdopen(fd, "r");
}

static void *use(void *arg)
{
	struct driver *d = arg;
	int in_room = (users - d->number % rooms + rooms - 1) / rooms, last[MOST_USERS], joined = 0, from, n;
	FILE *in = dial();
	char line[8192];

	memset(last, -1, sizeof last);
	dprintf(fileno(in), "NICK user%03d\nJOIN room%d\n", d->number, d->number % rooms);
	/* Who comes after me is announced, who came before me is in the list. */
	dprintf(fileno(in), "WHO\n");
	while (joined < in_room && fgets(line, sizeof line, in)) {
		if (line[0] == '=') {
			for (char *c = line; *c; c++)
				joined += *c == ' ';
		} else if (joined && line[0] == '+')
			joined++;
	}
	pthread_barrier_wait(&all_there);

	for (int i = 0; i < lines; i++)
		dprintf(fileno(in), "SAY %d %d\n", d->number, i);
	d->ordered = 1;
	while (d->lines < in_room * lines && fgets(line, sizeof line, in)) {
		if (sscanf(line, "user%*d: %d %d", &from, &n) != 2 || from < 0 || from >= users)
			continue;
		if (n != last[from] + 1 || from % rooms != d->number % rooms)
			d->ordered = 0;
		d->users += last[from] < 0;
		last[from] = n;
		d->lines++;
	}
	pthread_barrier_wait(&all_read);

	/* One of each room stays until the others have left. */
	if (d->number >= rooms) {
		dprintf(fileno(in), "NONSENSE\nQUIT\n");
		while (fgets(line, sizeof line, in))
			d->refused += line[0] == '?';
	} else {
		while (d->left < in_room - 1 && fgets(line, sizeof line, in))
			d->left += line[0] == '-';
		dprintf(fileno(in), "WHO\n");
		while (fgets(line, sizeof line, in) && line[0] != '=')
			;
		line[strcspn(line, "\n")] = 0;
		d->who = strdup(line);
	}
	fclose(in);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct driver drivers[MOST_USERS];
	static pthread_t threads[MOST_USERS];

	if (argc != 5)
		return fputs("chat_driver PORT USERS ROOMS LINES\n", stderr), 2;
	port = atoi(argv[1]);
	users = atoi(argv[2]);
	rooms = atoi(argv[3]);
	lines = atoi(argv[4]);
	pthread_barrier_init(&all_there, NULL, users);
	pthread_barrier_init(&all_read, NULL, users);
	for (int i = 0; i < users; i++) {
		drivers[i].number = i;
		if (pthread_create(&threads[i], NULL, use, &drivers[i]))
			die("pthread_create");
	}
	for (int i = 0; i < users; i++) {
		struct driver *d = &drivers[i];

		pthread_join(threads[i], NULL);
		printf("user%03d: %d lines of %d users, %s", i, d->lines, d->users,
		       d->ordered ? "in order" : "OUT OF ORDER");
		if (d->who)
			printf("; %d left, there is%s", d->left, d->who + 1);
		else
			printf("; refused %d", d->refused);
		printf("\n");
		free(d->who);
	}
	return 0;
}
