/* http_file.c - answers from a file: below a directory and nowhere else, by
 * sendfile, with ranges.
 *
 * That a path does not lead out of the directory is the kernel's affair
 * (openat2, RESOLVE_BENEATH): no list of bad spellings. Opening and asking for
 * the size may wait for a disk; for what is served again and again they do not.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "core/web/http.h"

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" }, { ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" }, { ".json", "application/json" }, { ".txt", "text/plain; charset=utf-8" },
	{ ".svg", "image/svg+xml" }, { ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" },
	{ ".gif", "image/gif" }, { ".webp", "image/webp" }, { ".ico", "image/x-icon" }, { ".woff2", "font/woff2" },
	{ ".wasm", "application/wasm" }, { ".pdf", "application/pdf" }, { ".xml", "application/xml" },
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
		if (!strcasecmp(dot, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}

/* A descriptor, or a negative errno. */
static int open_below(const char *root, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd;
	int e;

	if (dir < 0)
		return -errno;
	fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
	e = errno;
	close(dir);
	return fd < 0 ? -e : (int)fd;
}

static int status_of(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM: return 403;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM: return 503;
	default: return 404;
	}
}

static int say(struct gp_http_request *r, int status)
{
	const char *text = http_status_str((enum http_status)status);
	char line[64];
	int n = snprintf(line, sizeof line, "%s\n", text);

	return gp_http_answer(r, status, "text/plain", line, (size_t)n);
}

static bool read_number(const char **at, uint64_t *v)
{
	const char *s = *at;

	*v = 0;
	while (*s >= '0' && *s <= '9' && s - *at < 18)
		*v = *v * 10 + (unsigned)(*s++ - '0');
	if (s == *at)
		return false;
	*at = s;
	return true;
}

/* "bytes=3-", "bytes=3-9", "bytes=-4" of a file of this size: 1 and the range;
 * 0: it asks for something else, and gets all; -1: there is no such part. */
static int read_range(const char *text, uint64_t size, uint64_t *from, uint64_t *n)
{
	uint64_t first, last;

	if (!text || strncmp(text, "bytes=", 6))
		return 0;
	text += 6;
	if (*text == '-') {
		text++;
		if (!read_number(&text, &last) || *text)
			return 0;
		if (!last || !size)
			return -1;
		*n = last < size ? last : size;
		*from = size - *n;
		return 1;
	}
	if (!read_number(&text, &first) || *text++ != '-')
		return 0;
	last = UINT64_MAX;
	if (*text && (!read_number(&text, &last) || *text || last < first))
		return 0;
	if (first >= size)
		return -1;
	*from = first;
	*n = (last < size ? last : size - 1) - first + 1;
	return 1;
}

static int send_file(struct gp_http_request *r, int fd, const struct stat *st, const char *type)
{
	const char *since = gp_http_header(r, "if-modified-since"), *if_range = gp_http_header(r, "if-range");
	uint64_t from = 0, n = (uint64_t)st->st_size;
	char date[32], text[80];
	int status = 200, e, part;

	gp__http_date(date, st->st_mtim.tv_sec);
	e = gp_http_add_header(r, "Last-Modified", date);
	if (!e)
		e = gp_http_add_header(r, "Accept-Ranges", "bytes");
	if (e)
		return e;
	if (since && gp__http_date_read(since) >= st->st_mtim.tv_sec)
		return gp_http_answer(r, 304, NULL, NULL, 0);
	part = if_range && strcmp(if_range, date) ? 0 : read_range(gp_http_header(r, "range"), n, &from, &n);
	if (part < 0) {
		snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)st->st_size);
		e = gp_http_add_header(r, "Content-Range", text);
		return e ? e : say(r, 416);
	}
	if (part) {
		snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)from, (unsigned long long)(from + n - 1),
		         (unsigned long long)st->st_size);
		e = gp_http_add_header(r, "Content-Range", text);
		status = 206;
	}
	if (!e)
		e = gp__http_begin(r, status, type, (int64_t)n);
	if (!e)
		e = gp__http_flush(r);
	if (!e && !r->head_only) {
		e = gp__stream_sendfile(&r->c->stream, fd, (int64_t)from, n, r->c->server->options.write_time);
		r->sent = n;
	}
	if (!e)
		r->answer = GP__ANSWERED;
	return e;
}

GP_API int gp_http_answer_file(struct gp_http_request *r, const char *root, const char *path, const char *type)
{
	struct stat st;
	int fd, e;

	if (!r || !root || !path)
		return -EINVAL;
	if (r->answer != GP__UNANSWERED)
		return -EALREADY;
	if (r->parser.method != HTTP_GET && r->parser.method != HTTP_HEAD) {
		e = gp_http_add_header(r, "Allow", "GET, HEAD");
		return e ? e : say(r, 405);
	}
	while (*path == '/')
		path++;
	fd = open_below(root, *path ? path : ".");
	if (fd < 0)
		return say(r, status_of(fd));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		e = say(r, 404);
	else
		e = send_file(r, fd, &st, type ? type : type_of(path));
	close(fd);
	return e;
}
