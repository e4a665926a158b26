/* insn.c - see insn.h.
 *
 * A list of the shapes that compilers and glibc emit, not a decoder: what is
 * not on it stays on the trap, which is slower and always right. Of glibc
 * 2.36's 526 sites 436 have the mov, most others are followed by a compare.
 */
#include "preload/trap/insn.h"

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
	default:
		return 0;
	}
}

enum gp_form gp__insn_form(const uint8_t *site, size_t before, size_t after, long nr, size_t *tail)
{
	size_t moved = 0;

	if (after < 2 || site[0] != 0x0f || site[1] != 0x05)
		return GP__FORM_NONE;
	/* A byte 4x before it may be a prefix that makes it mov $nr,%r8d. */
	if (before >= 6 && site[-5] == 0xb8 && word(site - 4) == (uint32_t)nr && (site[-6] & 0xf0) != 0x40)
		return GP__FORM_MOV;
	/* __restore_rt must keep its bytes: unwinders know it by them. */
	if (before >= 7 && site[-7] == 0x48 && site[-6] == 0xc7 && site[-5] == 0xc0 && word(site - 4) == 15)
		return GP__FORM_NONE;
	while (moved < 3) {
		size_t n = movable(site + 2 + moved, after - 2 - moved);

		if (!n || moved + n > 12)
			return GP__FORM_NONE;
		moved += n;
	}
	*tail = moved;
	return GP__FORM_TAIL;
}
