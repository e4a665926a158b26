/* insn.c - see insn.h.
 *
 * A list of the shapes that compilers and glibc emit, not a decoder: what is
 * not on it stays on the trap, which is slower and always right. Of glibc
 * 2.36's 526 sites 436 have the mov, most others are followed by a compare.
 */
#include <string.h>
#include "preload/trap/insn.h"

#define HEAD_MAX 16

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The length of an instruction that may be moved, or 0. */
static size_t movable(const uint8_t *p, size_t n)
{
	size_t rex = n && (p[0] & 0xf0) == 0x40;

	p += rex;
	n -= rex;
	if (n < 2)
		return 0;
	switch (p[0]) {
	case 0x3d:             /* cmp $imm32,%eax */
	case 0x25:             /* and $imm32,%eax */
	case 0x05:             /* add $imm32,%eax */
		return n >= 5 ? rex + 5 : 0;
	case 0x83:             /* op $imm8,reg */
		return n >= 3 && p[1] >= 0xc0 ? rex + 3 : 0;
	case 0x81:             /* op $imm32,reg */
		return n >= 6 && p[1] >= 0xc0 ? rex + 6 : 0;
	case 0x85:             /* test reg,reg */
	case 0x84:
	case 0x89:             /* mov reg,reg */
	case 0x8b:
	case 0x31:             /* xor reg,reg */
	case 0x33:
	case 0x39:             /* cmp reg,reg */
	case 0x3b:
	case 0x63:             /* movslq reg,reg */
		if (p[1] >= 0xc0)
			return rex + 2;
		/* mov disp8(%rsp),reg and back; disp8(reg) but not %rsp */
		if ((p[0] == 0x89 || p[0] == 0x8b) && (p[1] & 0xc0) == 0x40)
			return (p[1] & 7) == 4 ? (n >= 4 && p[2] == 0x24 ? rex + 4 : 0) : n >= 3 ? rex + 3 : 0;
		return 0;
	case 0x8d:             /* lea: of %rip, or disp32(reg) but not %rsp, %r12 */
		if ((p[1] & 0xc7) == 0x05 || ((p[1] & 0xc0) == 0x80 && (p[1] & 7) != 4))
			return n >= 6 ? rex + 6 : 0;
		if ((p[1] & 0xc0) == 0x40)
			return (p[1] & 7) == 4 ? (n >= 4 ? rex + 4 : 0) : n >= 3 ? rex + 3 : 0;
		return 0;
	default:
		return p[0] >= 0xb8 && p[0] <= 0xbf && (!rex || !(p[-1] & 8)) && n >= 5 ? rex + 5 : 0; /* mov $imm32,reg */
	}
}

/* Whether [from, to) is movable instructions and nothing else. */
static bool all_movable(const uint8_t *from, const uint8_t *to)
{
	while (from < to) {
		size_t n = movable(from, (size_t)(to - from));

		if (!n)
			return false;
		from += n;
	}
	return true;
}

/* A byte 4x before the mov may be a prefix that makes it mov $nr,%r8d. */
static bool is_mov(const uint8_t *p, size_t before, long nr)
{
	return before >= 1 && p[0] == 0xb8 && word(p + 1) == (uint32_t)nr && (p[-1] & 0xf0) != 0x40;
}

struct gp_insn gp__insn_form(const uint8_t *site, size_t before, size_t after, long nr)
{
	struct gp_insn none = { GP__FORM_NONE, 0, 0 };
	size_t moved = 0;

	if (after < 4 || site[0] != 0x0f || site[1] != 0x05)
		return none;
	for (size_t head = 0; head <= HEAD_MAX && before >= head + 6; head++)
		if (is_mov(site - head - 5, before - head - 5, nr) && all_movable(site - head, site))
			return (struct gp_insn){ GP__FORM_MOV, head, 0 };
	/* __restore_rt must keep its bytes: unwinders know it by them. */
	if (before >= 7 && site[-7] == 0x48 && site[-6] == 0xc7 && site[-5] == 0xc0 && word(site - 4) == 15)
		return none;
	if (site[2] == 0xeb && (int8_t)site[3] < -4) { /* counted from behind the jmp */
		size_t head = (size_t)(-(int8_t)site[3] - 4);

		if (head >= 3 && head <= HEAD_MAX && before >= head && all_movable(site - head, site))
			return (struct gp_insn){ GP__FORM_LOOP, head, 0 };
	}
	while (moved < 3) {
		size_t n = movable(site + 2 + moved, after - 2 - moved);

		if (!n || moved + n > 12)
			return none;
		moved += n;
	}
	return (struct gp_insn){ GP__FORM_TAIL, 0, moved };
}

bool gp__insn_starts(const uint8_t *start, size_t off, size_t n)
{
	size_t at = 0;

	while (at < off) {
		size_t len = n >= at + 2 && start[at] == 0x0f && start[at + 1] == 0x05 ? 2 : movable(start + at, n > at ? n - at : 0);

		if (!len)
			return true;
		at += len;
	}
	return at == off;
}

bool gp__insn_move(uint8_t *to, const uint8_t *from, size_t n)
{
	for (size_t len; n; to += len, from += len, n -= len) {
		size_t rex = (from[0] & 0xf0) == 0x40;

		len = movable(from, n);
		memcpy(to, from, len);
		if (from[rex] == 0x8d && (from[rex + 1] & 0xc7) == 0x05) { /* lea disp32(%rip) */
			int64_t disp = (int32_t)word(from + rex + 2) + (from - to);
			int32_t d = (int32_t)disp;

			if (d != disp)
				return false;
			memcpy(to + rex + 2, &d, 4);
		}
	}
	return true;
}
