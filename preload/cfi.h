/* cfi.h - DWARF's call frame information: from a frame to its caller.
 *
 * The tables that every compiler for x86-64 makes (.eh_frame, found by its binary
 * search table .eh_frame_hdr). Allocates nothing and cannot fault.
 */
#ifndef GP_PRELOAD_CFI_H
#define GP_PRELOAD_CFI_H

#include "preload/modules.h"

enum { GP__RBX = 3, GP__RBP = 6, GP__RSP = 7, GP__R12 = 12, GP__R13, GP__R14, GP__R15, GP__RIP, GP__REGISTERS };

struct gp_regs {
	uint64_t r[GP__REGISTERS]; /* by DWARF's numbers */
};

#define GP__CFI_NESTED 4 /* rows that a function may keep for later */

/* How the caller's value of a register is had. */
struct gp_rule {
	uint8_t how; /* cfi.c */
	int64_t n;   /* offset from the CFA, a register, or where the expression is */
};

struct gp_row {
	struct gp_rule cfa; /* IN_REGISTER with `offset`, or IS_EXPRESSION */
	int64_t offset;
	struct gp_rule r[GP__REGISTERS];
};

struct gp_table {
	uint64_t cie_code, cie_end, code, end; /* the instructions of both parts */
	uint64_t begin, range;                 /* of the function */
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;                      /* of addresses */
	bool augmented, signal;                /* it has lengths of what is unknown; its caller was interrupted */
};

struct gp_walk {
	struct gp_modules modules;
	struct gp_regs regs, caller;
	struct gp_table table;
	struct gp_row row, first, kept[GP__CFI_NESTED];
	unsigned depth;      /* of kept */
	uint64_t at;         /* of the next byte of a table */
	bool bad;            /* it cannot be understood */
	uint64_t window_at;  /* bytes that were read of it last */
	size_t window_size;
	uint8_t window[256];
};

/* Reads the table of the function that pc lies in (of a caller: the byte before its
 * return address). False: there is none that we understand. */
bool gp__cfi_find(struct gp_walk *w, uint64_t pc);
/* Then: makes w->regs those of the caller. False: there is none, the walk ends. */
bool gp__cfi_up(struct gp_walk *w, uint64_t pc);

#endif
