/* maps.c - see maps.h. */
#include <fcntl.h>
#include "core/print.h"
#include "core/raw.h"
#include "preload/trap/maps.h"

static const char *hex(const char *p, uint64_t *v)
{
	for (*v = 0;; p++) {
		if (*p >= '0' && *p <= '9')
			*v = *v << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			*v = *v << 4 | (uint64_t)(*p - 'a' + 10);
		else
			return p;
	}
}

/* "low-high rwxp offset dev inode path" */
static void parse(const char *p, struct gp_map *m)
{
	uint64_t number;

	p = hex(p, &m->low) + 1;
	p = hex(p, &m->high) + 1;
	m->read = p[0] == 'r';
	m->write = p[1] == 'w';
	m->exec = p[2] == 'x';
	m->shared = p[3] == 's';
	p = hex(p + 5, &m->offset) + 1;
	p = hex(p, &number) + 1; /* device */
	p = hex(p, &number) + 1;
	m->file = *p != '0';
	while (*p && *p != ' ')
		p++;
	while (*p == ' ')
		p++;
	m->name = p;
	m->memory = p[0] == 'm' && p[1] == 'e' && p[2] == 'm' && p[3] == 'f' && p[4] == 'd' && p[5] == ':';
}

/* Of a path only the part behind the last slash is kept: a line stays short. */
int gp__maps_of_process(int pid, bool (*each)(const struct gp_map *m, void *arg), void *arg)
{
	char buf[2048], line[192];
	size_t at = 0, name = 0;
	bool more = true;
	long n, fd;

	gp__format(line, sizeof line, "/proc/%d/maps", pid);
	fd = gp__raw(SYS_openat, AT_FDCWD, pid ? line : "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (gp__is_err(fd))
		return (int)fd;
	while (more && (n = gp__raw(SYS_read, fd, buf, sizeof buf)) > 0)
		for (long i = 0; more && i < n; i++) {
			struct gp_map m;

			if (buf[i] == '/') {
				name = name ? name : at;
				at = name;
				continue;
			}
			if (buf[i] != '\n') {
				if (at < sizeof line - 1)
					line[at++] = buf[i];
				continue;
			}
			line[at] = 0;
			at = name = 0;
			parse(line, &m);
			more = each(&m, arg);
		}
	gp__raw(SYS_close, fd);
	return gp__is_err(n) ? (int)n : 0;
}

int gp__maps_each(bool (*each)(const struct gp_map *m, void *arg), void *arg)
{
	return gp__maps_of_process(0, each, arg);
}

struct find {
	uint64_t addr;
	struct gp_map *out;
	bool found;
};

static bool holds(const struct gp_map *m, void *arg)
{
	struct find *f = arg;

	if (f->addr < m->low || f->addr >= m->high)
		return true;
	*f->out = *m;
	f->out->name = "";
	f->found = true;
	return false;
}

bool gp__map_of(uint64_t addr, struct gp_map *out)
{
	struct find f = { addr, out, false };

	gp__maps_each(holds, &f);
	return f.found;
}
