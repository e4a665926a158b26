/* An HTTP server with libmicrohttpd, a thread for each connection, whose handlers block.
 *
 *	GET /hello                 a short answer
 *	GET /stream?n=5&wait=20    n lines, so many ms apart, in chunks
 *	GET /poll?after=3          waits until there are more than 3 messages, answers those that came after
 *	GET /polling               how many wait so
 *	POST /messages             the body is a message
 *
 * Prints the port that it listens on; ends on SIGTERM.
 */
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_MESSAGES = 1000 };

struct request {
	char *body; /* owned; ends with 0 */
	size_t length;
};

struct stream {
	int next, count, wait;
};

static char *messages[MOST_MESSAGES];
static int count, polling, most_polling;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* The library asks for the next piece: its thread may block here. */
static ssize_t next_line(void *arg, uint64_t at, char *buffer, size_t room)
{
	struct stream *s = arg;

	(void)at;
	if (s->next == s->count)
		return MHD_CONTENT_READER_END_OF_STREAM;
	usleep(s->wait * 1000);
	return snprintf(buffer, room, "line %d of %d\n", ++s->next, s->count);
}

static enum MHD_Result stream(struct MHD_Connection *connection, int lines, int wait)
{
	struct stream *s = calloc(1, sizeof *s);
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, next_line, s, free);
	enum MHD_Result result;

	s->count = lines;
	s->wait = wait;
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result poll_messages(struct MHD_Connection *connection, int after)
{
	enum MHD_Result result;
	char *text = NULL;
	size_t size;
	FILE *out;

	pthread_mutex_lock(&lock);
	if (++polling > most_polling)
		most_polling = polling;
	while (count <= after)
		pthread_cond_wait(&came, &lock);
	polling--;
	out = open_memstream(&text, &size);
	for (int i = after; i < count; i++)
		fprintf(out, "%d %s\n", i + 1, messages[i]);
	fclose(out);
	pthread_mutex_unlock(&lock);
	result = answer(connection, MHD_HTTP_OK, text);
	free(text);
	return result;
}

static enum MHD_Result post_message(struct MHD_Connection *connection, struct request *r)
{
	char text[64];
	int number;

	pthread_mutex_lock(&lock);
	if (count == MOST_MESSAGES) {
		pthread_mutex_unlock(&lock);
		return answer(connection, MHD_HTTP_INSUFFICIENT_STORAGE, "full\n");
	}
	messages[count++] = strdup(r->body ? r->body : "");
	number = count;
	pthread_cond_broadcast(&came);
	pthread_mutex_unlock(&lock);
	snprintf(text, sizeof text, "message %d\n", number);
	return answer(connection, MHD_HTTP_CREATED, text);
}

static enum MHD_Result answer_polling(struct MHD_Connection *connection)
{
	char text[32];

	pthread_mutex_lock(&lock);
	snprintf(text, sizeof text, "%d\n", polling);
	pthread_mutex_unlock(&lock);
	return answer(connection, MHD_HTTP_OK, text);
}

static int argument(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);

	return value ? atoi(value) : 0;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
	struct request *r = *state;

	(void)arg;
	(void)version;
	if (!r) {
		*state = calloc(1, sizeof *r);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*size) {
		r->body = realloc(r->body, r->length + *size + 1);
		memcpy(r->body + r->length, data, *size);
		r->length += *size;
		r->body[r->length] = 0;
		*size = 0;
		return MHD_YES;
	}
	if (!strcmp(method, "POST") && !strcmp(url, "/messages"))
		return post_message(connection, r);
	if (strcmp(method, "GET"))
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "no such method\n");
	if (!strcmp(url, "/hello"))
		return answer(connection, MHD_HTTP_OK, "hello world\n");
	if (!strcmp(url, "/stream"))
		return stream(connection, argument(connection, "n"), argument(connection, "wait"));
	if (!strcmp(url, "/poll"))
		return poll_messages(connection, argument(connection, "after"));
	if (!strcmp(url, "/polling"))
		return answer_polling(connection);
	return answer(connection, MHD_HTTP_NOT_FOUND, "not found\n");
}

static void completed(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct request *r = *state;

	(void)arg;
	(void)connection;
	(void)code;
	if (r)
		free(r->body);
	free(r);
}

int main(void)
{
	struct MHD_Daemon *daemon;
	sigset_t term;
	int number;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG,
	                          0, NULL, NULL, handle, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
	                          MHD_OPTION_END);
	if (!daemon)
		return 1;
	printf("port %d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	sigwait(&term, &number);
	MHD_stop_daemon(daemon);
	printf("%d messages, at most %d waited for one at once\n", count, most_polling);
	for (int i = 0; i < count; i++)
		free(messages[i]);
	return 0;
}
