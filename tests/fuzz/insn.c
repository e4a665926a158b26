/* insn.c - the recogniser of sites is given random code (scripts/fuzz-shim).
 *
 * Whatever it takes for movable is held against a real disassembler: whole
 * instructions, none that jumps or that refers to where it stands, but lea,
 * which is moved with its distance. The code lies in a block of exactly its
 * size, so that ASan sees each byte that is read beside it.
 */
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "preload/trap/insn.h"

static csh cs;

static void wrong(const char *what, const uint8_t *p, size_t n)
{
	fprintf(stderr, "%s:", what);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %02x", p[i]);
	fprintf(stderr, "\n");
	abort();
}

/* n bytes are whole instructions, and each may stand elsewhere. */
static void check_movable(const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		cs_insn *in;

		if (!cs_disasm(cs, p + at, n - at, (uint64_t)(p + at), 1, &in))
			wrong("not an instruction, or not a whole one", p + at, n - at);
		if (cs_insn_group(cs, in, X86_GRP_JUMP) || cs_insn_group(cs, in, X86_GRP_CALL) || cs_insn_group(cs, in, X86_GRP_RET) ||
		    cs_insn_group(cs, in, X86_GRP_INT))
			wrong("goes elsewhere", p + at, in->size);
		for (int i = 0; i < in->detail->x86.op_count; i++)
			if (in->detail->x86.operands[i].type == X86_OP_MEM && in->detail->x86.operands[i].mem.base == X86_REG_RIP &&
			    in->id != X86_INS_LEA)
				wrong("refers to where it stands", p + at, in->size);
		at += in->size;
		cs_free(in, 1);
	}
}

/* The same instructions, a lea of the same address, or a refusal. */
static void check_move(const uint8_t *from, size_t n)
{
	uint8_t *to = malloc(n ? n : 1);
	size_t at = 0;

	if (gp__insn_move(to, from, n))
		while (at < n) {
			cs_insn *a, *b;

			if (!cs_disasm(cs, from + at, n - at, (uint64_t)(from + at), 1, &a) ||
			    !cs_disasm(cs, to + at, n - at, (uint64_t)(to + at), 1, &b))
				wrong("moved to no instruction", to, n);
			if (strcmp(a->mnemonic, b->mnemonic) || a->size != b->size)
				wrong("moved to another instruction", to, n);
			if (a->id == X86_INS_LEA && a->detail->x86.operands[1].mem.base == X86_REG_RIP) {
				if (a->address + (uint64_t)a->detail->x86.operands[1].mem.disp !=
				    b->address + (uint64_t)b->detail->x86.operands[1].mem.disp)
					wrong("another address", to, n);
			} else if (memcmp(from + at, to + at, a->size)) {
				wrong("changed", to, n);
			}
			at += a->size;
			cs_free(a, 1);
			cs_free(b, 1);
		}
	free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t before, n;
	struct gp_insn in;
	uint8_t *code, *site;
	long nr;

	if (!cs && (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) || cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON)))
		abort();
	if (size < 2)
		return 0;
	nr = data[1];
	before = data[0] % 48 % (size - 1);
	n = size - 2 + 2;
	code = malloc(n);
	memcpy(code, data + 2, before);
	site = code + before;
	memcpy(site, "\x0f\x05", 2);
	memcpy(site + 2, data + 2 + before, n - before - 2);
	in = gp__insn_form(site, before, n - before, nr);
	switch (in.form) {
	case GP__FORM_MOV:
		if (in.head + 6 > before || site[-(long)in.head - 5] != 0xb8)
			wrong("no mov", code, n);
		check_movable(site - in.head, in.head);
		check_move(site - in.head, in.head);
		break;
	case GP__FORM_TAIL:
		if (in.tail < 3 || in.tail + 2 > n - before)
			wrong("a tail of a wrong length", code, n);
		check_movable(site + 2, in.tail);
		check_move(site + 2, in.tail);
		for (size_t i = 2; i < 5; i++)
			gp__insn_starts(site, i, n - before);
		break;
	case GP__FORM_LOOP:
		if (in.head > before || in.head < 3 || site[2] != 0xeb || site + 4 + (int8_t)site[3] != site - in.head)
			wrong("no loop", code, n);
		check_movable(site - in.head, in.head);
		break;
	default:
		break;
	}
	free(code);
	return 0;
}
