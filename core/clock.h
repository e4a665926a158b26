/* clock.h - reading a clock cheaply.
 *
 * Through the kernel's vDSO where it answers without a system call. Under the
 * shim the code of the vDSO is not ours: gp__in_vdso tells a signal handler
 * that an address there does not mean "the program runs", and a vDSO that
 * falls back to a system call would trap, so clock.c tries it once first.
 */
#ifndef GP_CORE_CLOCK_H
#define GP_CORE_CLOCK_H

#include "core/base.h"

struct timespec;

/* Nanoseconds of a clock (CLOCK_MONOTONIC, CLOCK_REALTIME ...); a negative
 * errno for one that does not exist is indistinguishable from a time before
 * the epoch, so only the well-known ones are asked. */
int64_t gp__clock(int id);
/* The vDSO's function, found by the shim's start code; NULL: none. */
void gp__clock_use(int (*vdso)(int, struct timespec *));
extern volatile uint32_t gp__in_vdso;

#endif
