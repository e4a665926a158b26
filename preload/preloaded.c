/* preloaded.c - preloaded, or linked?
 *
 * Preloaded, the program is to be patched before its main(); linked or opened,
 * when it asks. The name of the file says nothing: it may be a copy, or a link.
 * The loader's list of objects tells: what is preloaded stands in it behind the
 * program and before whatever the program needs, each under the name by which
 * it was asked for. So it is preloaded
 *  - if LD_PRELOAD has that name (the program may need it besides), or
 *  - if nobody needs it, and it stands before something that the program needs
 *    (/etc/ld.so.preload); what is opened later stands behind.
 *
 * Called by the constructor, before libc is ready: only the list is read.
 */
#include <link.h>
#include <string.h>
#include "preload/preloaded.h"

extern struct r_debug _r_debug __attribute__((weak, visibility("default")));
extern const ElfW(Dyn) _DYNAMIC_[] __asm__("_DYNAMIC") __attribute__((visibility("hidden")));

static const char *base_of(const char *path, size_t len)
{
	const char *base = path;

	for (size_t i = 0; i < len; i++)
		if (path[i] == '/')
			base = path + i + 1;
	return base;
}

/* Whether LD_PRELOAD names a file of this name; directories may be written in
 * more than one way ($ORIGIN), and are not compared. */
static bool asked_for(char **envp, const char *path)
{
	static const char variable[] = "LD_PRELOAD=";
	const size_t skip = sizeof variable - 1;
	const char *name = base_of(path, strlen(path));

	for (; *envp; envp++) {
		const char *p = *envp;

		if (strlen(p) < skip || memcmp(p, variable, skip))
			continue;
		for (p += skip; *p;) {
			size_t len = 0;
			const char *base;

			while (p[len] && p[len] != ' ' && p[len] != ':')
				len++;
			base = base_of(p, len);
			if (len && (size_t)(p + len - base) == strlen(name) && !memcmp(base, name, strlen(name)))
				return true;
			p += len + (p[len] != 0);
		}
	}
	return false;
}

/* The strings of an object; the loader has relocated the address, except in the
 * vDSO. */
static const char *strings_of(const struct link_map *m)
{
	for (const ElfW(Dyn) *d = m->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			return (const char *)(d->d_un.d_ptr < m->l_addr ? m->l_addr + d->d_un.d_ptr : d->d_un.d_ptr);
	return NULL;
}

static const char *soname_of(const struct link_map *m)
{
	const char *strings = strings_of(m);

	for (const ElfW(Dyn) *d = m->l_ld; strings && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_SONAME)
			return strings + d->d_un.d_val;
	return "";
}

/* Whether object m needs one of this name. */
static bool needs(const struct link_map *m, const char *name)
{
	const char *strings = strings_of(m);

	for (const ElfW(Dyn) *d = m->l_ld; strings && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_NEEDED && !strcmp(base_of(strings + d->d_un.d_val, strlen(strings + d->d_un.d_val)), name))
			return true;
	return false;
}

static bool needed(const struct link_map *program, const struct link_map *self)
{
	for (const struct link_map *m = program; m; m = m->l_next)
		if (m != self && (needs(m, soname_of(self)) || needs(m, base_of(self->l_name, strlen(self->l_name)))))
			return true;
	return false;
}

bool gp__preloaded(char **envp)
{
	const struct link_map *program = &_r_debug ? _r_debug.r_map : NULL, *self = program;

	while (self && self->l_ld != _DYNAMIC_)
		self = self->l_next;
	if (!self)
		return asked_for(envp, "libgreenpatch.so");
	if (asked_for(envp, self->l_name))
		return true;
	if (needed(program, self))
		return false;
	for (const struct link_map *m = self->l_next; m; m = m->l_next)
		if (needs(program, soname_of(m)))
			return true;
	return false;
}
