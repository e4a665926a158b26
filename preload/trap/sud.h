/* sud.h - the net under the program's system calls, and the kernel's signals. */
#ifndef GP_PRELOAD_TRAP_SUD_H
#define GP_PRELOAD_TRAP_SUD_H

#include "preload/trap/sigframe.h"

/* Arms Syscall User Dispatch for this kernel thread: only our own text may
 * make system calls. 0 or -errno (-EINVAL: the kernel has none). */
int gp__sud_arm(void);
/* Whether the kernel knows of it; it is off afterwards. */
bool gp__sud_there(void);
/* The kernel's action for sig: 0 SIG_DFL, 1 SIG_IGN, 2 our handler. */
void gp__kernel_action(int sig, int what, unsigned long flags);
/* Our alternate stack, for this kernel thread. 0 or -errno. */
int gp__altstack_make(void);

#endif
