/* listen.c - the socket that a server listens to: bound, or handed over.
 *
 * Linked alone and under the shim alike: raw calls, and the environment is read
 * from /proc/self/environ, which is what the process was started with. That is
 * where systemd's protocol wants it (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES).
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "core/alloc.h"
#include "core/raw.h"
#include "core/server.h"

#define SYSTEMD_FIRST 3
#define CANDIDATES    16

static bool starts(const char *text, const char *with)
{
	size_t n = strlen(with);

	return strlen(text) >= n && !memcmp(text, with, n);
}

/* A decimal number that takes all of the text; -1: it is none. */
static int number(const char *s)
{
	int v = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > 100000000)
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

/* ---- handed over ------------------------------------------------------------------ */

/* All of a file with a 0 behind it, in *text: its size, or an error. */
static long read_all(int fd, char **text)
{
	size_t used = 0, room = 4096;
	long n;

	*text = gp__alloc(room + 1);
	if (!*text)
		return -ENOMEM;
	while ((n = gp__raw(SYS_read, fd, *text + used, room - used)) > 0) {
		char *more;

		used += (size_t)n;
		if (used < room)
			continue;
		more = gp__realloc(*text, 2 * room + 1);
		n = -ENOMEM;
		if (!more)
			break;
		room *= 2;
		*text = more;
	}
	(*text)[used] = 0;
	if (n < 0)
		gp__free(*text);
	return n < 0 ? n : (long)used;
}

/* What the process began with: its size, or an error. */
static long environment(char **text)
{
	long fd = gp__raw(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC, 0), r;

	if (fd < 0)
		return fd;
	r = read_all((int)fd, text);
	gp__raw(SYS_close, fd);
	return r;
}

/* The value of a variable in it, or NULL. O(its size). */
static const char *variable(const char *env, long size, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = env; at < env + size; at += strlen(at) + 1)
		if (starts(at, name) && at[n] == '=')
			return at + n + 1;
	return NULL;
}

/* The place of a name in "a:b:c"; -1: it is not there. */
static int place_of(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; names && *names; i++) {
		size_t len = 0;

		while (names[len] && names[len] != ':')
			len++;
		if (len == n && !memcmp(names, name, n))
			return i;
		names += len + (names[len] == ':');
	}
	return -1;
}

static int from_systemd(const char *which)
{
	const char *pid, *fds;
	char *env;
	long size = environment(&env);
	int i, count, r = -ENOENT;

	if (size < 0)
		return (int)size;
	pid = variable(env, size, "LISTEN_PID");
	fds = variable(env, size, "LISTEN_FDS");
	count = fds ? number(fds) : 0;
	i = *which ? number(which) : 0;
	if (i < 0)
		i = place_of(variable(env, size, "LISTEN_FDNAMES"), which);
	if (i >= 0 && i < count && (!pid || number(pid) == gp__raw(SYS_getpid)))
		r = SYSTEMD_FIRST + i;
	gp__free(env);
	return r;
}

/* What it is bound to becomes the server's address. */
static long name_of(struct gp_server *s, int fd)
{
	s->bound.length = sizeof s->bound.storage;
	return gp__raw(SYS_getsockname, fd, &s->bound.storage, &s->bound.length);
}

/* Makes an open socket ours: it is of the right type, and does not block. */
static int adopt(struct gp_server *s, int fd)
{
	int type = 0, listens = 0;
	socklen_t size = sizeof type;
	long flags, r = gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size);

	if (r < 0)
		return (int)r;
	size = sizeof listens;
	r = gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
	if (type != s->type || (type == SOCK_STREAM && (r < 0 || !listens)))
		return -EINVAL;
	r = name_of(s, fd);
	if (r < 0)
		return (int)r;
	flags = gp__raw(SYS_fcntl, fd, F_GETFL, 0);
	if (flags >= 0)
		flags = gp__raw(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
	gp__raw(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
	return flags < 0 ? (int)flags : fd;
}

/* ---- bound --------------------------------------------------------------------------- */

static long set_option(int fd, int level, int name, int value)
{
	return gp__raw(SYS_setsockopt, fd, level, name, &value, sizeof value);
}

static long set_options(const struct gp_server *s, int fd, int family, int v6_only)
{
	long r = 0;

	if (family != AF_UNIX && s->type == SOCK_STREAM)
		r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!r && s->options.reuse_port)
		r = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!r && family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
	return r;
}

/* Nobody listens to this path any more: it is what a process has left behind. */
static bool path_is_stale(const struct gp_address *a, int type)
{
	const struct sockaddr_un *u = (const struct sockaddr_un *)&a->storage;
	struct stat st;
	long fd, r;

	if (!u->sun_path[0] || gp__raw(SYS_newfstatat, AT_FDCWD, u->sun_path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return false;
	fd = gp__raw(SYS_socket, AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	r = gp__raw(SYS_connect, fd, u, a->length);
	gp__raw(SYS_close, fd);
	return r == -ECONNREFUSED;
}

static int bind_to(struct gp_server *s, const struct gp_address *a, int v6_only)
{
	int fd = (int)gp__raw(SYS_socket, a->storage.ss_family, s->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct sockaddr_un *u = (const struct sockaddr_un *)&a->storage;
	bool has_path = a->storage.ss_family == AF_UNIX && u->sun_path[0];
	long r;

	if (fd < 0)
		return fd;
	r = set_options(s, fd, a->storage.ss_family, v6_only);
	if (r < 0)
		goto fail;
	r = gp__raw(SYS_bind, fd, &a->storage, a->length);
	if (r == -EADDRINUSE && has_path && path_is_stale(a, s->type)) {
		gp__raw(SYS_unlinkat, AT_FDCWD, u->sun_path, 0);
		r = gp__raw(SYS_bind, fd, &a->storage, a->length);
	}
	if (r < 0)
		goto fail;
	if (s->type == SOCK_STREAM)
		r = gp__raw(SYS_listen, fd, s->options.backlog);
	if (r >= 0)
		r = name_of(s, fd);
	if (r < 0)
		goto fail_bound;
	s->unlink_path = has_path;
	return fd;
fail_bound:
	if (has_path)
		gp__raw(SYS_unlinkat, AT_FDCWD, u->sun_path, 0);
fail:
	gp__raw(SYS_close, fd);
	return (int)r;
}

/* "host:port": the first address that works. */
static int bind_name(struct gp_server *s)
{
	struct gp_address a[CANDIDATES];
	const char *host;
	int port, r;
	size_t n;

	r = gp__address_split(s->address, &host, &n, &port);
	if (!r)
		r = gp__resolve(host, n, port, a, CANDIDATES, GP__NEVER);
	if (r <= 0)
		return r ? r : -ENOENT;
	for (int i = 0, count = r; i < count; i++) {
		r = bind_to(s, &a[i], s->options.v6_only);
		if (r >= 0)
			break;
	}
	return r;
}

static int bind_number(struct gp_server *s, const struct gp_address *a)
{
	int fd = bind_to(s, a, s->options.v6_only || s->address[0] == '[');
	struct gp_address v4;

	/* ":port" where the kernel has no IPv6. */
	if (fd == -EAFNOSUPPORT && s->address[0] != '[' && a->storage.ss_family == AF_INET6) {
		v4 = (struct gp_address){ .storage.ss_family = AF_INET, .length = sizeof(struct sockaddr_in) };
		((struct sockaddr_in *)&v4.storage)->sin_port = ((const struct sockaddr_in6 *)&a->storage)->sin6_port;
		fd = bind_to(s, &v4, 0);
	}
	return fd;
}

int gp__listen(struct gp_server *s, int *fd)
{
	struct gp_address a;
	int r;

	s->unlink_path = false;
	if (starts(s->address, "systemd:")) {
		r = from_systemd(s->address + strlen("systemd:"));
		r = r < 0 ? r : adopt(s, r);
	} else if (starts(s->address, "fd:")) {
		r = number(s->address + strlen("fd:"));
		r = r < 0 ? -EINVAL : adopt(s, r);
	} else if (!gp_address_parse(&a, s->address)) {
		r = bind_number(s, &a);
	} else {
		r = bind_name(s);
	}
	if (r < 0)
		return r;
	gp__fd_closing(s->hub, r); /* the number is new: what was known of it is not */
	*fd = r;
	gp_address_text(&s->bound, s->text, sizeof s->text);
	return 0;
}

void gp__listen_end(struct gp_server *s)
{
	const struct sockaddr_un *u = (const struct sockaddr_un *)&s->bound.storage;

	if (s->unlink_path)
		gp__raw(SYS_unlinkat, AT_FDCWD, u->sun_path, 0);
	s->unlink_path = false;
}
