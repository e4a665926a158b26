/* insn.h - recognising the few instructions around a syscall. */
#ifndef GP_PRELOAD_TRAP_INSN_H
#define GP_PRELOAD_TRAP_INSN_H

#include "core/base.h"

/* How a site can be patched. */
enum gp_form {
	GP__FORM_NONE, /* stays on the trap */
	GP__FORM_MOV,  /* mov $nr,%eax; ...; syscall: the mov becomes the jump */
	GP__FORM_TAIL, /* syscall and what follows become the jump; that is moved */
	GP__FORM_LOOP, /* 1: ...; syscall; jmp 1b: the loop of a call that never returns */
};

struct gp_insn {
	enum gp_form form;
	size_t head; /* MOV: bytes between the mov and the syscall; LOOP: from 1: to it */
	size_t tail; /* TAIL: bytes to move, whole instructions, at least 3 */
};

/* `site` points to the syscall instruction; `before` and `after` are how many
 * bytes may be read on each side of its first byte; nr the trapped number. */
struct gp_insn gp__insn_form(const uint8_t *site, size_t before, size_t after, long nr);
/* Whether an instruction starts `off` bytes behind `start`, where one starts;
 * true as well where that cannot be told. n bytes may be read. */
bool gp__insn_starts(const uint8_t *start, size_t off, size_t n);
/* Copies n bytes of whole movable instructions to `to`, as if run at `from`.
 * False: one of them reaches too far from there. */
bool gp__insn_move(uint8_t *to, const uint8_t *from, size_t n);

#endif
