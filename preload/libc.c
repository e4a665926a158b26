/* libc.c - what is known of the program's libc.
 *
 * glibc says in a note of its own for which level of x86-64 it was compiled
 * (sysdeps/x86/isa-level.c, since 2.33). Its string functions choose wider
 * registers at run time, but make no system calls.
 */
#include <link.h>
#include <string.h>
#include "preload/libc.h"

#define ISA_NEEDED 0xc0008002U /* GNU_PROPERTY_X86_ISA_1_NEEDED */
#define ISA_SSE    3U          /* x86-64-baseline, x86-64-v2 */

extern struct r_debug _r_debug __attribute__((weak, visibility("default")));

static bool is_libc(const struct link_map *m)
{
	static const char name[] = "libc.so.6";
	size_t len = strlen(m->l_name), n = sizeof name - 1;

	return len > n && !memcmp(m->l_name + len - n, name, n) && m->l_name[len - n - 1] == '/';
}

/* The levels that the note names; 0: there is none. A note is three words, its
 * owner ("GNU") and properties: a word what, a word how long, the value. */
static uint32_t levels(const uint32_t *note, size_t size)
{
	const uint32_t *end = (const void *)((const char *)note + size);

	for (note += 4; note + 2 < end; note += 2 + gp__align_up(note[1], 8U) / 4)
		if (note[0] == ISA_NEEDED)
			return note[2];
	return 0;
}

void gp__libc_text(unsigned long *text, unsigned long *size)
{
	const struct link_map *m = &_r_debug ? _r_debug.r_map : NULL;
	const ElfW(Ehdr) *eh;
	const ElfW(Phdr) *ph;
	uint32_t level = 0;

	*text = *size = 0;
	while (m && !is_libc(m))
		m = m->l_next;
	if (!m)
		return;
	eh = (const void *)m->l_addr;
	ph = (const void *)(m->l_addr + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_GNU_PROPERTY)
			level = levels((const void *)(m->l_addr + ph[i].p_vaddr), ph[i].p_memsz);
	if (!level || level & ~ISA_SSE)
		return;
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X) {
			*text = m->l_addr + ph[i].p_vaddr;
			*size = ph[i].p_memsz;
		}
}
