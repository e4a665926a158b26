/* cfi.c - see cfi.h. Left out of DWARF's call frame instructions is what compilers
 * for x86-64 do not emit: then a walk ends.
 */
#include "preload/cfi.h"
#include "preload/shim.h"

#define STACK 8 /* words that an expression works with */

enum { SAME, LOST, AT_CFA, IS_CFA, IN_REGISTER, AT_EXPRESSION, IS_EXPRESSION }; /* of a gp_rule */

/* ---- reading tables ------------------------------------------------------------ */

static uint8_t next_u8(struct gp_walk *w)
{
	if (w->at - w->window_at >= w->window_size) {
		w->window_at = w->at;
		w->window_size = gp__peek(w->at, w->window, gp__min(sizeof w->window, GP__PAGE - w->at % GP__PAGE));
		if (!w->window_size) {
			w->bad = true;
			return 0;
		}
	}
	return w->window[w->at++ - w->window_at];
}

static uint64_t next(struct gp_walk *w, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)next_u8(w) << 8 * i;
	return v;
}

static int64_t next_signed(struct gp_walk *w, unsigned bytes)
{
	unsigned unused = 64 - 8 * bytes;

	return (int64_t)(next(w, bytes) << unused) >> unused;
}

/* A number of seven bits a byte, the lowest first; the last byte's sixth is its sign,
 * if it has one. */
static uint64_t leb(struct gp_walk *w, bool is_signed)
{
	uint64_t v = 0;
	uint8_t b;
	unsigned shift = 0;

	do {
		b = next_u8(w);
		v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
		shift += 7;
	} while (b & 0x80 && !w->bad);
	return is_signed && b & 0x40 && shift < 64 ? v | ~0UL << shift : v;
}

static uint64_t uleb(struct gp_walk *w) { return leb(w, false); }
static int64_t sleb(struct gp_walk *w) { return (int64_t)leb(w, true); }

/* An address, as DW_EH_PE_ says: absolute or from here. */
static uint64_t next_address(struct gp_walk *w, uint8_t encoding)
{
	uint64_t here = w->at, v;

	switch (encoding & 0x0f) {
	case 0x0: case 0x4: case 0xc: v = next(w, 8); break;
	case 0x1: v = uleb(w); break;
	case 0x2: v = next(w, 2); break;
	case 0x3: v = next(w, 4); break;
	case 0x9: v = (uint64_t)sleb(w); break;
	case 0xa: v = (uint64_t)next_signed(w, 2); break;
	case 0xb: v = (uint64_t)next_signed(w, 4); break;
	default: w->bad = true; return 0;
	}
	if ((encoding & 0x70) == 0x10)
		v += here;
	else if (encoding & 0x70)
		w->bad = true;
	return v;
}

/* ---- the table of a function ------------------------------------------------------- */

/* .eh_frame_hdr: pairs of a function's begin and its table, sorted, both from
 * the beginning of the header. 0: none. */
static uint64_t search(struct gp_walk *w, uint64_t header, uint64_t pc)
{
	uint64_t low = 0, high, pairs;

	w->at = header;
	pairs = next(w, 4); /* version 1; how three things are written: of the last two we know one way */
	if ((pairs & 0xff) != 1 || pairs >> 16 != 0x3b03)
		return 0;
	next_address(w, (uint8_t)(pairs >> 8));
	high = next(w, 4);
	pairs = w->at;
	while (low < high && !w->bad) {
		uint64_t mid = (low + high) / 2;

		w->at = pairs + 8 * mid;
		if (header + (uint64_t)next_signed(w, 4) <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || w->bad)
		return 0;
	w->at = pairs + 8 * (low - 1) + 4;
	return header + (uint64_t)next_signed(w, 4);
}

static void read_cie(struct gp_walk *w, uint64_t at)
{
	struct gp_table *t = &w->table;
	char kinds[8];
	uint8_t version;
	unsigned n = 0;
	uint64_t size, rest;

	w->at = at;
	size = next(w, 4);
	t->cie_end = w->at + size;
	next(w, 4);
	version = next_u8(w);
	while ((kinds[n] = (char)next_u8(w)) && n < sizeof kinds - 1)
		n++;
	w->bad |= (version != 1 && version != 3) || kinds[n] || (n && kinds[0] != 'z');
	t->code_align = uleb(w);
	t->data_align = sleb(w);
	w->bad |= (version == 1 ? next_u8(w) : uleb(w)) != GP__RIP;
	t->encoding = 0;
	t->signal = false;
	t->augmented = n;
	rest = n ? uleb(w) : 0;
	t->cie_code = w->at + rest;
	for (unsigned i = 1; i < n && !w->bad; i++) {
		if (kinds[i] == 'R')
			t->encoding = next_u8(w);
		else if (kinds[i] == 'L')
			next_u8(w);
		else if (kinds[i] == 'P')
			next_address(w, next_u8(w) & 0x0f);
		else if (kinds[i] == 'S')
			t->signal = true;
		else
			w->bad = true;
	}
}

bool gp__cfi_find(struct gp_walk *w, uint64_t pc)
{
	const struct gp_module *m = gp__module_of(&w->modules, pc);
	struct gp_table *t = &w->table;
	uint64_t fde, size, cie, rest;

	w->bad = false;
	w->window_size = 0;
	fde = m && m->unwind ? search(w, m->unwind, pc) : 0;
	if (!fde)
		return false;
	w->at = fde;
	size = next(w, 4);
	cie = w->at;
	cie -= next(w, 4);
	if (w->bad || !size || size >= 0xfffffff0)
		return false;
	read_cie(w, cie);
	w->at = fde + 8;
	t->end = fde + 4 + size;
	t->begin = next_address(w, t->encoding);
	t->range = next_address(w, t->encoding & 0x0f);
	rest = t->augmented ? uleb(w) : 0;
	t->code = w->at + rest;
	return !w->bad && pc - t->begin < t->range;
}

/* ---- its instructions ---------------------------------------------------------------- */

static void set(struct gp_walk *w, uint64_t reg, int how, int64_t n)
{
	if (reg < GP__REGISTERS)
		w->row.r[reg] = (struct gp_rule){ how, n };
}

static void set_expression(struct gp_walk *w, struct gp_rule *to, int how)
{
	*to = (struct gp_rule){ how, (int64_t)w->at };
	w->at += uleb(w); /* its length, which the expression begins with */
}

/* Those below the two bits that have an argument in the instruction itself.
 * False: it moves on in the code, by *by. */
static bool simple(struct gp_walk *w, uint8_t op, uint64_t *by)
{
	struct gp_row *row = &w->row;
	struct gp_rule unused;
	uint64_t reg;

	switch (op) {
	case 0x00: return true;                                                       /* nop */
	case 0x02: *by = next(w, 1); return false;                                    /* advance_loc1 */
	case 0x03: *by = next(w, 2); return false;
	case 0x04: *by = next(w, 4); return false;
	case 0x05: reg = uleb(w); set(w, reg, AT_CFA, (int64_t)uleb(w) * w->table.data_align); return true; /* offset_extended */
	case 0x06: reg = uleb(w); if (reg < GP__REGISTERS) row->r[reg] = w->first.r[reg]; return true; /* restore_extended */
	case 0x07: set(w, uleb(w), LOST, 0); return true;                             /* undefined */
	case 0x08: set(w, uleb(w), SAME, 0); return true;                             /* same_value */
	case 0x09: reg = uleb(w); set(w, reg, IN_REGISTER, (int64_t)uleb(w)); return true; /* register */
	case 0x0a:                                                                    /* remember_state */
		if (w->depth == GP__CFI_NESTED)
			w->bad = true;
		else
			w->kept[w->depth++] = *row;
		return true;
	case 0x0b:                                                                    /* restore_state */
		if (!w->depth)
			w->bad = true;
		else
			*row = w->kept[--w->depth];
		return true;
	case 0x0c: reg = uleb(w); row->cfa = (struct gp_rule){ IN_REGISTER, (int64_t)reg }; row->offset = (int64_t)uleb(w); return true; /* def_cfa */
	case 0x0d: row->cfa = (struct gp_rule){ IN_REGISTER, (int64_t)uleb(w) }; return true; /* def_cfa_register */
	case 0x0e: row->offset = (int64_t)uleb(w); return true;                       /* def_cfa_offset */
	case 0x0f: set_expression(w, &row->cfa, IS_EXPRESSION); return true;          /* def_cfa_expression */
	case 0x10: reg = uleb(w); set_expression(w, reg < GP__REGISTERS ? &row->r[reg] : &unused, AT_EXPRESSION); return true;
	case 0x11: reg = uleb(w); set(w, reg, AT_CFA, sleb(w) * w->table.data_align); return true; /* offset_extended_sf */
	case 0x12: reg = uleb(w); row->cfa = (struct gp_rule){ IN_REGISTER, (int64_t)reg }; row->offset = sleb(w) * w->table.data_align; return true;
	case 0x13: row->offset = sleb(w) * w->table.data_align; return true;          /* def_cfa_offset_sf */
	case 0x14: reg = uleb(w); set(w, reg, IS_CFA, (int64_t)uleb(w) * w->table.data_align); return true; /* val_offset */
	case 0x16: reg = uleb(w); set_expression(w, reg < GP__REGISTERS ? &row->r[reg] : &unused, IS_EXPRESSION); return true;
	case 0x2e: uleb(w); return true;                                              /* GNU_args_size */
	default: w->bad = true; return true;
	}
}

/* Carries them out from `at` to `end`, but only those that are for code at or before pc. */
static void execute(struct gp_walk *w, uint64_t at, uint64_t end, uint64_t pc)
{
	uint64_t code = w->table.begin, by, reg;

	w->at = at;
	while (w->at < end && !w->bad) {
		uint8_t op = next_u8(w);

		by = reg = op & 0x3f;
		if (op >> 6 == 2) {
			set(w, reg, AT_CFA, (int64_t)uleb(w) * w->table.data_align);
			continue;
		}
		if (op >> 6 == 3) {
			if (reg < GP__REGISTERS)
				w->row.r[reg] = w->first.r[reg];
			continue;
		}
		if (op >> 6 == 0 && simple(w, op, &by))
			continue;
		code += by * w->table.code_align;
		if (code > pc)
			return;
	}
}

/* ---- expressions: PLTs, and assembly that moves its stack ---------------------------------- */

static uint64_t load(struct gp_walk *w, uint64_t addr)
{
	uint64_t v = 0;

	w->bad |= gp__peek(addr, &v, sizeof v) != sizeof v;
	return v;
}

static uint64_t two(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case 0x1a: return a & b;
	case 0x1c: return a - b;
	case 0x21: return a | b;
	case 0x22: return a + b;
	case 0x24: return b < 64 ? a << b : 0;
	case 0x27: return a ^ b;
	default: return (int64_t)a >= (int64_t)b; /* 0x2a */
	}
}

static uint64_t evaluate(struct gp_walk *w, uint64_t at, uint64_t begin_with)
{
	uint64_t stack[STACK + 2] = { begin_with }, end;
	unsigned n = 1; /* on the stack */

	w->at = at;
	end = uleb(w);
	end += w->at;
	while (w->at < end && n && n < STACK && !w->bad) {
		uint8_t op = next_u8(w);

		if (op >= 0x30 && op <= 0x4f)
			stack[n++] = op - 0x30u; /* lit */
		else if (op >= 0x70 && op < 0x70 + GP__REGISTERS)
			stack[n++] = w->regs.r[op - 0x70] + (uint64_t)sleb(w); /* breg */
		else if (op == 0x06)
			stack[n - 1] = load(w, stack[n - 1]);
		else if (op == 0x08 || op == 0x0a || op == 0x0c)
			stack[n++] = next(w, op == 0x08 ? 1 : op == 0x0a ? 2 : 4); /* const1u, 2u, 4u */
		else if (op == 0x09 || op == 0x0b || op == 0x0d)
			stack[n++] = (uint64_t)next_signed(w, op == 0x09 ? 1 : op == 0x0b ? 2 : 4);
		else if (op == 0x10)
			stack[n++] = uleb(w);
		else if (op == 0x11)
			stack[n++] = (uint64_t)sleb(w);
		else if (op == 0x12)
			stack[n] = stack[n - 1], n++; /* dup */
		else if (op == 0x23)
			stack[n - 1] += uleb(w); /* plus_uconst */
		else if (n >= 2 && (op == 0x1a || op == 0x1c || op == 0x21 || op == 0x22 || op == 0x24 || op == 0x27 || op == 0x2a))
			n--, stack[n - 1] = two(op, stack[n - 1], stack[n]);
		else
			w->bad = true;
	}
	w->bad |= !n || n >= STACK;
	return w->bad ? 0 : stack[n - 1];
}

/* ---- one frame to the next --------------------------------------------------------------------- */

static uint64_t value(struct gp_walk *w, unsigned reg, uint64_t cfa)
{
	struct gp_rule r = w->row.r[reg];

	switch (r.how) {
	case AT_CFA: return load(w, cfa + (uint64_t)r.n);
	case IS_CFA: return cfa + (uint64_t)r.n;
	case IN_REGISTER: return r.n < GP__REGISTERS ? w->regs.r[r.n] : 0;
	case AT_EXPRESSION: return load(w, evaluate(w, (uint64_t)r.n, cfa));
	case IS_EXPRESSION: return evaluate(w, (uint64_t)r.n, cfa);
	default: return w->regs.r[reg];
	}
}

bool gp__cfi_up(struct gp_walk *w, uint64_t pc)
{
	uint64_t cfa;

	w->row = (struct gp_row){ .cfa = { LOST, 0 } };
	w->depth = 0;
	execute(w, w->table.cie_code, w->table.cie_end, ~0UL);
	w->first = w->row;
	execute(w, w->table.code, w->table.end, pc);
	if (w->bad || w->row.r[GP__RIP].how == LOST)
		return false;
	if (w->row.cfa.how == IS_EXPRESSION)
		cfa = evaluate(w, (uint64_t)w->row.cfa.n, 0);
	else if (w->row.cfa.how == IN_REGISTER && w->row.cfa.n < GP__REGISTERS)
		cfa = w->regs.r[w->row.cfa.n] + (uint64_t)w->row.offset;
	else
		return false;
	for (unsigned i = 0; i < GP__REGISTERS; i++)
		w->caller.r[i] = value(w, i, cfa);
	if (w->row.r[GP__RSP].how == SAME)
		w->caller.r[GP__RSP] = cfa;
	w->regs = w->caller;
	return !w->bad;
}
