/* A WebSocket server with civetweb: a thread of its pool for each connection, which blocks in it.
 *
 * Text comes back in capitals, binary data reversed, a ping as a pong. "everybody: text" goes to all that are
 * connected, "slowly" is answered after 200 ms. Prints the port that it listens on; ends on SIGTERM.
 */
#include <civetweb.h>
#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 100 };

static struct mg_connection *connected[MOST];
static int now, most, total, texts, binaries, pings;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int connect_handler(const struct mg_connection *connection, void *arg)
{
	int full;

	(void)connection;
	(void)arg;
	pthread_mutex_lock(&lock);
	full = now == MOST;
	pthread_mutex_unlock(&lock);
	return full;
}

static void ready_handler(struct mg_connection *connection, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	connected[now++] = connection;
	if (now > most)
		most = now;
	total++;
	pthread_mutex_unlock(&lock);
	mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_TEXT, "welcome", 7);
}

static void everybody(const char *text, size_t length)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < now; i++) {
		mg_lock_connection(connected[i]);
		mg_websocket_write(connected[i], MG_WEBSOCKET_OPCODE_TEXT, text, length);
		mg_unlock_connection(connected[i]);
	}
	pthread_mutex_unlock(&lock);
}

static void text_handler(struct mg_connection *connection, char *data, size_t length)
{
	__atomic_add_fetch(&texts, 1, __ATOMIC_RELAXED);
	if (length > 10 && !strncmp(data, "everybody:", 10)) {
		everybody(data, length);
		return;
	}
	if (length == 6 && !strncmp(data, "slowly", 6))
		usleep(200000);
	for (size_t i = 0; i < length; i++)
		data[i] = toupper((unsigned char)data[i]);
	mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_TEXT, data, length);
}

static void binary_handler(struct mg_connection *connection, char *data, size_t length)
{
	__atomic_add_fetch(&binaries, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < length / 2; i++) {
		char c = data[i];

		data[i] = data[length - 1 - i];
		data[length - 1 - i] = c;
	}
	mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_BINARY, data, length);
}

static int data_handler(struct mg_connection *connection, int bits, char *data, size_t length, void *arg)
{
	(void)arg;
	switch (bits & 0xf) {
	case MG_WEBSOCKET_OPCODE_TEXT: text_handler(connection, data, length); return 1;
	case MG_WEBSOCKET_OPCODE_BINARY: binary_handler(connection, data, length); return 1;
	case MG_WEBSOCKET_OPCODE_PING:
		__atomic_add_fetch(&pings, 1, __ATOMIC_RELAXED);
		mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_PONG, data, length);
		return 1;
	case MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE:
		mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, data, length);
		return 0;
	}
	return 1;
}

static void close_handler(const struct mg_connection *connection, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < now; i++)
		if (connected[i] == connection)
			connected[i] = connected[--now];
	pthread_mutex_unlock(&lock);
}

static int hello_handler(struct mg_connection *connection, void *arg)
{
	(void)arg;
	mg_send_http_ok(connection, "text/plain", 12);
	mg_write(connection, "hello world\n", 12);
	return 200;
}

int main(void)
{
	const char *options[] = { "listening_ports",    "127.0.0.1:0", "num_threads", "40",
		                  "request_timeout_ms", "30000",       NULL };
	struct mg_callbacks callbacks = { 0 };
	struct mg_server_port port;
	struct mg_context *context;
	sigset_t term;
	int number;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	mg_init_library(MG_FEATURES_WEBSOCKET);
	context = mg_start(&callbacks, NULL, options);
	if (!context || mg_get_server_ports(context, 1, &port) != 1)
		return fputs("ws_server: could not start\n", stderr), 1;
	mg_set_request_handler(context, "/hello", hello_handler, NULL);
	mg_set_websocket_handler(context, "/ws", connect_handler, ready_handler, data_handler, close_handler, NULL);
	printf("port %d\n", port.port);
	fflush(stdout);
	sigwait(&term, &number);
	mg_stop(context);
	mg_exit_library();
	printf("%d connections, %d at once; %d texts, %d binary, %d pings\n", total, most, texts, binaries, pings);
	return 0;
}
