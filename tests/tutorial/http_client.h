/* http_client.h - the client's side of the HTTP examples: requests by hand, answers line by line. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <greenpatch.h>

#define UNUSED __attribute__((unused))

struct client {
	int fd;
	char buf[4096];
	size_t n, at;
};

struct reply {
	int status;
	char line[100], reason[64];
	char type[64], length[32], encoding[32], upgrade[32], accept[64];
	bool dated;
};

UNUSED static void client_open(struct client *c, const char *address)
{
	*c = (struct client){ .fd = gp_create_connection(address, GP_NEVER) };
}

UNUSED static void client_close(struct client *c) { gp_close(c->fd); }

/* The next byte; -1 at the end. */
UNUSED static int client_byte(struct client *c)
{
	if (c->at == c->n) {
		ssize_t n = gp_recv(c->fd, c->buf, sizeof c->buf, 0, GP_NEVER);

		if (n <= 0)
			return -1;
		c->n = (size_t)n;
		c->at = 0;
	}
	return (unsigned char)c->buf[c->at++];
}

/* n bytes and a 0; false at the end. */
UNUSED static bool client_bytes(struct client *c, char *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int b = client_byte(c);

		if (b < 0)
			return false;
		to[i] = (char)b;
	}
	to[n] = 0;
	return true;
}

/* A line without its end. */
UNUSED static void client_line(struct client *c, char *line, size_t size)
{
	size_t n = 0;
	int b;

	while ((b = client_byte(c)) >= 0 && b != '\n')
		if (b != '\r' && n + 1 < size)
			line[n++] = (char)b;
	line[n] = 0;
}

UNUSED static void client_send(struct client *c, const char *method, const char *path, const char *form)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);

	if (form)
		n += snprintf(text + n, sizeof text - (size_t)n,
		              "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n", strlen(form));
	n += snprintf(text + n, sizeof text - (size_t)n, "\r\n%s", form ? form : "");
	gp_send_all(c->fd, text, (size_t)n, 0, GP_NEVER);
}

/* Status line and header. */
UNUSED static void client_head(struct client *c, struct reply *r)
{
	char line[256], *value;

	*r = (struct reply){ .type = "-", .length = "-", .encoding = "-", .upgrade = "-" };
	client_line(c, r->line, sizeof r->line);
	sscanf(r->line, "%*s %d %63[^\r]", &r->status, r->reason);
	while (client_line(c, line, sizeof line), *line) {
		value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = 0;
		value += strspn(value, " ");
		if (!strcasecmp(line, "Content-Type"))
			snprintf(r->type, sizeof r->type, "%s", value);
		else if (!strcasecmp(line, "Content-Length"))
			snprintf(r->length, sizeof r->length, "%s", value);
		else if (!strcasecmp(line, "Transfer-Encoding"))
			snprintf(r->encoding, sizeof r->encoding, "%s", value);
		else if (!strcasecmp(line, "Upgrade"))
			snprintf(r->upgrade, sizeof r->upgrade, "%s", value);
		else if (!strcasecmp(line, "Sec-WebSocket-Accept"))
			snprintf(r->accept, sizeof r->accept, "%s", value);
		else if (!strcasecmp(line, "Date"))
			r->dated = true;
	}
}

/* A body of known length. */
UNUSED static void client_body(struct client *c, const struct reply *r, char *body, size_t size)
{
	size_t n = (size_t)atol(r->length);

	client_bytes(c, body, n < size ? n : size - 1);
}

/* The next chunk and its size line; false at the last one. */
UNUSED static bool client_chunk(struct client *c, char *size_line, size_t size, char *data)
{
	char end[4];
	size_t n;

	client_line(c, size_line, size);
	n = strtoul(size_line, NULL, 16);
	client_bytes(c, data, n);
	client_line(c, end, sizeof end);
	return n > 0;
}

#endif
