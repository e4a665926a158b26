/* modules.c - see modules.h.
 *
 * Used inside the signal handler, too: it allocates nothing, and memory that may
 * not be there is read by process_vm_readv there, which cannot fault. A fault in
 * the handler would be the end. Elsewhere gp__copy() does it in a fraction of the
 * time.
 */
#include <elf.h>
#include <sys/uio.h>
#include "preload/modules.h"
#include "preload/shim.h"
#include "preload/trap/maps.h"

static unsigned epoch = 1; /* of the process: goes up when code goes away */

void gp__modules_changed(void) { epoch++; }

size_t gp__peek(uint64_t addr, void *buf, size_t n)
{
	bool handler = (size_t)((char *)__builtin_frame_address(0) - (char *)gp__shim.altstack) < ALTSTACK_SIZE;
	size_t done = 0;

	while (done < n) { /* a page at a time: all of it or nothing */
		size_t piece = gp__min(n - done, GP__PAGE - (addr + done) % GP__PAGE);
		struct iovec to = { (char *)buf + done, piece }, from = { (void *)(addr + done), piece };

		if (handler ? gp__raw(SYS_process_vm_readv, gp__shim.hub->pid, &to, 1, &from, 1, 0) != (long)piece
		            : gp__copy(to.iov_base, from.iov_base, piece) != 0)
			break;
		done += piece;
	}
	return done;
}

/* ---- finding one ---------------------------------------------------------------- */

struct search {
	uint64_t addr;
	struct gp_module *found;
	bool is_found;
	char file[48];       /* the last file that was seen to begin ... */
	uint64_t file_begin; /* ... and where */
	bool has_begin;      /* it is that of what was found */
};

static bool same_name(const char *a, const char *b)
{
	char cut[48];

	gp__format(cut, sizeof cut, "%s", b);
	return !memcmp(a, cut, strlen(cut) + 1);
}

static bool look(const struct gp_map *m, void *arg)
{
	struct search *s = arg;
	struct gp_module *to = s->found;

	if (!m->offset) {
		gp__format(s->file, sizeof s->file, "%s", m->name);
		s->file_begin = m->low;
	}
	if (s->addr < m->low || s->addr >= m->high)
		return s->addr >= m->high;
	if (!m->exec)
		return false;
	s->is_found = true;
	s->has_begin = *m->name && same_name(s->file, m->name);
	to->low = m->low;
	to->high = m->high;
	to->base = m->low - m->offset;
	to->unwind = 0;
	gp__format(to->name, sizeof to->name, "%s", *m->name ? m->name : "anonymous");
	return false;
}

/* What the file's own header says, where that is mapped. */
static void read_header(struct gp_module *m, uint64_t begin)
{
	uint64_t base = begin, unwind = 0;
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (gp__peek(begin, &e, sizeof e) != sizeof e || memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_phentsize != sizeof p)
		return;
	for (unsigned i = 0; i < e.e_phnum; i++) {
		if (gp__peek(begin + e.e_phoff + i * sizeof p, &p, sizeof p) != sizeof p)
			return;
		if (p.p_type == PT_LOAD && !p.p_offset)
			base = begin - p.p_vaddr;
		else if (p.p_type == PT_GNU_EH_FRAME)
			unwind = p.p_vaddr;
	}
	m->base = base;
	m->unwind = unwind ? base + unwind : 0;
}

const struct gp_module *gp__module_of(struct gp_modules *known, uint64_t addr)
{
	struct gp_module new, *to;
	struct search s = { .addr = addr, .found = &new };

	if (known->epoch != epoch)
		known->count = known->next = 0;
	known->epoch = epoch;
	for (unsigned i = 0; i < known->count; i++)
		if (addr - known->m[i].low < known->m[i].high - known->m[i].low)
			return &known->m[i];
	gp__maps_each(look, &s);
	if (!s.is_found)
		return NULL;
	if (s.has_begin)
		read_header(&new, s.file_begin);
	if (known->count < gp__count(known->m))
		known->count++;
	to = &known->m[known->next];
	*to = new;
	known->next = (known->next + 1) % gp__count(known->m);
	return to;
}

size_t gp__module_format(struct gp_modules *known, char *buf, size_t size, uint64_t addr)
{
	const struct gp_module *m = gp__module_of(known, addr);

	return m ? gp__format(buf, size, " %s+0x%lx", m->name, addr - m->base) : gp__format(buf, size, " 0x%lx", addr);
}
