/* insn.h - recognising the few instructions around a syscall. */
#ifndef GP_PRELOAD_TRAP_INSN_H
#define GP_PRELOAD_TRAP_INSN_H

#include "core/base.h"

/* How a site can be patched. */
enum gp_form {
	GP__FORM_NONE, /* stays on the trap */
	GP__FORM_MOV,  /* mov $nr,%eax; syscall: the mov becomes the jump */
	GP__FORM_TAIL, /* syscall and what follows become the jump; that is moved */
};

/* `site` points to the syscall instruction; `before` and `after` are how many
 * bytes may be read on each side. *tail: for GP__FORM_TAIL the bytes to move,
 * at least 3, whole instructions that do not care where they stand. */
enum gp_form gp__insn_form(const uint8_t *site, size_t before, size_t after, long nr, size_t *tail);

#endif
