/* An HTTPS server with OpenSSL, a thread for each connection, which blocks in SSL_accept, SSL_read and SSL_write.
 *
 *	tls_server CERTIFICATE KEY
 *
 *	/meet?20     is answered when 20 requests wait there at once
 *	/send?1000   that many bytes
 *	/echo        what was posted
 *
 * Connections are kept. Prints the port that it listens on; ends on SIGTERM.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
static int listener, connections, requests, now, waiting, met;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void add(int *what, int n)
{
	pthread_mutex_lock(&lock);
	*what += n;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void meet(int count)
{
	int meeting;

	pthread_mutex_lock(&lock);
	meeting = met;
	if (++waiting == count) {
		waiting = 0;
		met++;
		pthread_cond_broadcast(&changed);
	}
	while (meeting == met)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static int send_reply(BIO *io, const char *status, const char *body, size_t length)
{
	BIO_printf(io, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, length);
	for (size_t at = 0; at < length;) {
		int n = BIO_write(io, body + at, length - at > 10000 ? 10000 : length - at);

		if (n <= 0)
			return 0;
		at += n;
	}
	return BIO_flush(io) > 0;
}

/* One request; 0 if there is no other. */
static int serve_one(BIO *io)
{
	char line[1024], path[1024], *body;
	size_t length = 0, asked;
	int good, n;

	if (BIO_gets(io, line, sizeof line) <= 0 || sscanf(line, "%*s %1023s", path) != 1)
		return 0;
	while (BIO_gets(io, line, sizeof line) > 0 && line[0] != '\r')
		sscanf(line, "Content-Length: %zu", &length);
	add(&requests, 1);
	if (strncmp(path, "/send?", 6))
		asked = length;
	else
		asked = strtoul(path + 6, NULL, 10);
	body = malloc(asked + length + 1);
	for (size_t at = 0; at < length; at += n)
		if ((n = BIO_read(io, body + at, length - at)) <= 0)
			return free(body), 0;
	if (!strncmp(path, "/meet?", 6)) {
		meet(atoi(path + 6));
		good = send_reply(io, "200 OK", "met\n", 4);
	} else if (!strncmp(path, "/send?", 6)) {
		for (size_t i = 0; i < asked; i++)
			body[i] = 'a' + i % 26;
		good = send_reply(io, "200 OK", body, asked);
	} else if (!strcmp(path, "/echo"))
		good = send_reply(io, "200 OK", body, length);
	else
		good = send_reply(io, "404 Not Found", "not found\n", 10);
	free(body);
	return good;
}

static void *serve(void *arg)
{
	SSL *ssl = SSL_new(context);
	int fd = (int)(long)arg;
	BIO *layer, *buffer;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		add(&connections, 1);
		layer = BIO_new(BIO_f_ssl());
		buffer = BIO_new(BIO_f_buffer());
		BIO_set_ssl(layer, ssl, BIO_NOCLOSE);
		BIO_push(buffer, layer);
		while (serve_one(buffer))
			;
		BIO_free_all(buffer);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
	add(&now, -1);
	return NULL;
}

static void *accept_all(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t t;

		add(&now, 1);
		if (pthread_create(&t, NULL, serve, (void *)(long)fd))
			abort();
		pthread_detach(t);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	pthread_t acceptor;
	sigset_t term;
	int number;

	if (argc != 3)
		return fputs("tls_server CERTIFICATE KEY\n", stderr), 2;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	context = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_file(context, argv[1], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
		return ERR_print_errors_fp(stderr), 1;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 128) ||
	    getsockname(listener, (struct sockaddr *)&a, &size))
		return perror("tls_server"), 1;
	printf("port %d\n", ntohs(a.sin_port));
	fflush(stdout);
	pthread_create(&acceptor, NULL, accept_all, NULL);
	sigwait(&term, &number);
	shutdown(listener, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	pthread_mutex_lock(&lock);
	while (now)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	printf("%d connections, %d requests, %d meetings\n", connections, requests, met);
	SSL_CTX_free(context);
	return 0;
}
