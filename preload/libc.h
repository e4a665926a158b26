/* libc.h - what is known of the program's libc. */
#ifndef GP_PRELOAD_LIBC_H
#define GP_PRELOAD_LIBC_H

#include "core/base.h"

/* Where the text of a libc lies whose own code uses no vector registers beyond
 * xmm0 to xmm15; 0 and 0 when it may use others. Reads the loader's list. */
void gp__libc_text(unsigned long *text, unsigned long *size);

#endif
