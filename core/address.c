/* address.c - addresses of sockets as texts, and back, without libc (the shim
 * has these functions too). Called from anywhere. */
#include <string.h>
#include <netinet/in.h>
#include <sys/un.h>
#include "core/print.h"
#include "core/server.h"

/* ---- reading -------------------------------------------------------------------- */

/* A decimal number up to max that takes all of n bytes; -1: it is none. */
static int number(const char *s, size_t n, int max)
{
	int v = 0;

	if (!n || n > 5)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v <= max ? v : -1;
}

int gp__address_split(const char *text, const char **host, size_t *n, int *port)
{
	size_t size = strlen(text), colon = size;

	while (colon && text[colon - 1] != ':')
		colon--;
	if (!colon || (*port = number(text + colon, size - colon, 65535)) < 0)
		return -EINVAL;
	*host = text;
	*n = colon - 1;
	if (*n >= 2 && text[0] == '[' && text[*n - 1] == ']') {
		*host = text + 1;
		*n -= 2;
	} else if (*n == 1 && text[0] == '*') {
		*n = 0;
	}
	return 0;
}

static bool read_v4(const char *s, size_t n, uint8_t *out)
{
	for (int i = 0; i < 4; i++) {
		size_t len = 0;
		int v;

		while (len < n && s[len] != '.')
			len++;
		v = len <= 3 ? number(s, len, 255) : -1;
		if (v < 0 || (i < 3 && len == n) || (i == 3 && len != n))
			return false;
		out[i] = (uint8_t)v;
		s += len + (i < 3);
		n -= len + (i < 3);
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups of 16 bits; :: stands for as many zeros as there is room. */
static bool read_v6(const char *s, size_t n, uint8_t *out)
{
	uint8_t b[16] = { 0 };
	int at = 0, gap = -1;

	for (size_t i = 0; i < n;) {
		size_t len = 0;
		int v = 0;

		if (s[i] == ':') {
			if (i + 1 >= n || s[i + 1] != ':' || gap >= 0)
				return false;
			gap = at;
			i += 2;
			continue;
		}
		while (i + len < n && s[i + len] != ':')
			len++;
		if (at <= 12 && read_v4(s + i, n - i, b + at)) {
			at += 4;
			break;
		}
		if (at > 14 || !len || len > 4)
			return false;
		for (size_t k = 0; k < len; k++) {
			if (hex_digit(s[i + k]) < 0)
				return false;
			v = v * 16 + hex_digit(s[i + k]);
		}
		b[at++] = (uint8_t)(v >> 8);
		b[at++] = (uint8_t)v;
		i += len;
		if (i == n)
			break;
		if (i + 1 == n)
			return false;
		i += s[i + 1] != ':';
	}
	if (gap < 0 && at != 16)
		return false;
	if (gap >= 0 && at == 16)
		return false;
	memset(out, 0, 16);
	if (gap < 0)
		gap = at;
	memcpy(out, b, (size_t)gap);
	memcpy(out + 16 - (at - gap), b + gap, (size_t)(at - gap));
	return true;
}

static int parse_unix(struct gp_address *a, const char *path)
{
	struct sockaddr_un *u = (struct sockaddr_un *)&a->storage;
	size_t n = strlen(path);

	if (!n || n >= sizeof u->sun_path)
		return -EINVAL;
	u->sun_family = AF_UNIX;
	memcpy(u->sun_path, path, n);
	if (path[0] == '@')
		u->sun_path[0] = 0;
	a->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] != '@'));
	return 0;
}

static uint16_t swapped(int port) { return (uint16_t)((port & 255) << 8 | port >> 8); }

GP_API int gp_address_parse(struct gp_address *a, const char *text)
{
	struct sockaddr_in6 *v6;
	struct sockaddr_in *v4;
	const char *host;
	size_t n;
	int port;

	if (!a || !text)
		return -EINVAL;
	memset(a, 0, sizeof *a);
	if (!memcmp(text, "unix:", gp__min(strlen(text), (size_t)5)) && strlen(text) > 5)
		return parse_unix(a, text + 5);
	if (gp__address_split(text, &host, &n, &port))
		return -EINVAL;
	v4 = (struct sockaddr_in *)&a->storage;
	v6 = (struct sockaddr_in6 *)&a->storage;
	if (read_v4(host, n, (uint8_t *)&v4->sin_addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = swapped(port);
		a->length = sizeof *v4;
		return 0;
	}
	memset(a, 0, sizeof *a);
	if (n && !read_v6(host, n, (uint8_t *)&v6->sin6_addr))
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = swapped(port);
	a->length = sizeof *v6;
	return 0;
}

/* ---- writing -------------------------------------------------------------------- */

static size_t text_of_v6(const struct sockaddr_in6 *v6, char *text, size_t size)
{
	const uint8_t *b = v6->sin6_addr.s6_addr;
	int from = -1, zeros = 1; /* the longest run of zeros, at least two groups */
	size_t n = 0;

	for (int i = 0; i < 8; i++) {
		int k = i;

		while (k < 8 && !b[2 * k] && !b[2 * k + 1])
			k++;
		if (k - i > zeros) {
			from = i;
			zeros = k - i;
		}
	}
	n += gp__format(text + n, size - n, "[");
	for (int i = 0; i < 8; i++) {
		if (i == from) {
			n += gp__format(text + n, size - n, "%s", i + zeros == 8 ? "::" : ":");
			i += zeros - 1;
			continue;
		}
		n += gp__format(text + n, size - n, "%s%x", i ? ":" : "", b[2 * i] << 8 | b[2 * i + 1]);
	}
	return n + gp__format(text + n, size - n, "]:%u", swapped(v6->sin6_port));
}

static size_t text_of_unix(const struct gp_address *a, char *text, size_t size)
{
	const struct sockaddr_un *u = (const struct sockaddr_un *)&a->storage;
	size_t n = a->length > offsetof(struct sockaddr_un, sun_path) ? a->length - offsetof(struct sockaddr_un, sun_path) : 0;
	char path[sizeof u->sun_path + 1];

	n = gp__min(n, sizeof u->sun_path);
	memcpy(path, u->sun_path, n);
	path[n] = 0;
	if (n && !path[0])
		path[0] = '@';
	return gp__format(text, size, "unix:%s", path);
}

GP_API size_t gp_address_text(const struct gp_address *a, char *text, size_t size)
{
	const struct sockaddr_in *v4;
	const uint8_t *b;

	if (!text || !size)
		return 0;
	text[0] = 0;
	if (!a || a->length < sizeof(sa_family_t))
		return 0;
	v4 = (const struct sockaddr_in *)&a->storage;
	b = (const uint8_t *)&v4->sin_addr;
	switch (a->storage.ss_family) {
	case AF_INET:
		return gp__format(text, size, "%u.%u.%u.%u:%u", b[0], b[1], b[2], b[3], swapped(v4->sin_port));
	case AF_INET6:
		return text_of_v6((const struct sockaddr_in6 *)&a->storage, text, size);
	case AF_UNIX:
		return text_of_unix(a, text, size);
	}
	return 0;
}
