/* A chat server with a thread for each connection. One line is one command:
 *
 *	NICK name      who I am
 *	JOIN room      everybody in the room, I included, is told "+name"
 *	SAY text       everybody in the room, I included, gets "name: text"
 *	WHO            "=" and the names in the room, sorted
 *	QUIT           or the end of the connection: the room is told "-name"
 *
 * Prints the port that it listens on; on SIGTERM how much it did.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct user {
	FILE *in, *out;
	char name[32], room[32];
	struct user *next;
};

static struct user *users; /* sorted by name */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t nobody_left = PTHREAD_COND_INITIALIZER;
static int now, most, connections, lines;

/* The lock is held. */
static void tell_room(const char *room, const char *format, ...)
{
	for (struct user *u = users; u; u = u->next) {
		va_list args;

		if (strcmp(u->room, room))
			continue;
		va_start(args, format);
		vfprintf(u->out, format, args);
		va_end(args);
		fflush(u->out);
		lines++;
	}
}

static void join(struct user *me, const char *room)
{
	struct user **at = &users;

	while (*at && strcmp((*at)->name, me->name) < 0)
		at = &(*at)->next;
	me->next = *at;
	*at = me;
	snprintf(me->room, sizeof me->room, "%s", room);
	tell_room(me->room, "+%s\n", me->name);
}

static void leave(struct user *me)
{
	struct user **at = &users;

	if (!me->room[0])
		return;
	while (*at != me)
		at = &(*at)->next;
	*at = me->next;
	tell_room(me->room, "-%s\n", me->name);
	me->room[0] = 0;
}

static void who(struct user *me)
{
	fputs("=", me->out);
	for (struct user *u = users; u; u = u->next)
		if (!strcmp(u->room, me->room))
			fprintf(me->out, " %s", u->name);
	fputs("\n", me->out);
	fflush(me->out);
}

static void *serve(void *arg)
{
	struct user *me = arg;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, me->in)) > 0) {
		line[strcspn(line, "\r\n")] = 0;
		if (!strcmp(line, "QUIT"))
			break;
		pthread_mutex_lock(&lock);
		if (!strncmp(line, "NICK ", 5) && !me->room[0])
			snprintf(me->name, sizeof me->name, "%s", line + 5);
		else if (!strncmp(line, "JOIN ", 5)) {
			leave(me);
			join(me, line + 5);
		} else if (!strncmp(line, "SAY ", 4) && me->room[0])
			tell_room(me->room, "%s: %s\n", me->name, line + 4);
		else if (!strcmp(line, "WHO"))
			who(me);
		else {
			fputs("?\n", me->out);
			fflush(me->out);
		}
		pthread_mutex_unlock(&lock);
	}
	free(line);
	pthread_mutex_lock(&lock);
	leave(me);
	if (!--now)
		pthread_cond_signal(&nobody_left);
	pthread_mutex_unlock(&lock);
	fclose(me->in);
	fclose(me->out);
	free(me);
	return NULL;
}

static void *accept_all(void *arg)
{
	int listener = *(int *)arg, fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		struct user *u = calloc(1, sizeof *u);
		pthread_t t;

		u->in = fdopen(fd, "r");
		u->out = fdopen(dup(fd), "w");
		snprintf(u->name, sizeof u->name, "guest");
		pthread_mutex_lock(&lock);
		connections++;
		if (++now > most)
			most = now;
		pthread_mutex_unlock(&lock);
		if (pthread_create(&t, NULL, serve, u))
			abort();
		pthread_detach(t);
	}
	return NULL;
}

int main(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), signal_number;
	sigset_t term;
	pthread_t acceptor;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 128) ||
	    getsockname(listener, (struct sockaddr *)&a, &length))
		return perror("chat_server"), 1;
	printf("port %d\n", ntohs(a.sin_port));
	fflush(stdout);
	pthread_create(&acceptor, NULL, accept_all, &listener);
	sigwait(&term, &signal_number);
	shutdown(listener, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	pthread_mutex_lock(&lock);
	while (now)
		pthread_cond_wait(&nobody_left, &lock);
	printf("%d connections, %d at once, %d lines told\n", connections, most, lines);
	pthread_mutex_unlock(&lock);
	return 0;
}
