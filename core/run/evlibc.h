/* evlibc.h - prototypes of evlibc.c, for the compiler only: their one caller is
 * libev's object, whose symbols bear the prefix gp__lib_. */
#ifndef GP_CORE_RUN_EVLIBC_H
#define GP_CORE_RUN_EVLIBC_H

#include "core/print.h"

extern void *gp__lib_stderr;
int *gp__lib___errno_location(void);
int gp__lib_epoll_create1(int flags);
#ifdef GP_SHIM
/* The hub's epoll descriptor no longer watches the number. Of a file that stays
 * open when its number is closed it would tell for ever. */
void gp__lib_epoll_forget(int fd);
#endif
int gp__lib_epoll_ctl(int epfd, int op, int fd, void *event);
int gp__lib_epoll_wait(int epfd, void *events, int max, int ms);
int gp__lib_close(int fd);
int gp__lib_fcntl(int fd, int cmd, long arg);
int gp__lib_getpid(void);
int gp__lib_clock_gettime(int id, struct timespec *ts);
int gp__lib_gettimeofday(long *tv, void *tz);
int gp__lib_uname(void *buf);
void *gp__lib_realloc(void *p, size_t n);
void gp__lib_free(void *p);
void *gp__lib_memcpy(void *to, const void *from, size_t n);
void *gp__lib___memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *gp__lib_memmove(void *to, const void *from, size_t n);
void *gp__lib_memset(void *to, int c, size_t n);
size_t gp__lib_strlen(const char *s);
int gp__lib_sigfillset(unsigned long *set);
int gp__lib_sigemptyset(unsigned long *set);
int gp__lib_sigprocmask(void);
void gp__lib___assert_fail(const char *what, const char *file, unsigned line, const char *function);
void gp__lib___stack_chk_fail(void);
void gp__lib_abort(void);
void gp__lib_perror(const char *s);
int gp__lib___fprintf_chk(void);
void *gp__lib_getenv(const char *name);

long gp__lib___lxstat(void);
long gp__lib_dup2(void);
long gp__lib_epoll_create(void);
long gp__lib_eventfd(void);
long gp__lib_getegid(void);
long gp__lib_geteuid(void);
long gp__lib_getgid(void);
long gp__lib_getuid(void);
long gp__lib_inotify_add_watch(void);
long gp__lib_inotify_init(void);
long gp__lib_inotify_init1(void);
long gp__lib_inotify_rm_watch(void);
long gp__lib_mmap(void);
long gp__lib_munmap(void);
long gp__lib_nanosleep(void);
long gp__lib_pipe(void);
long gp__lib_poll(void);
long gp__lib_read(void);
long gp__lib_select(void);
long gp__lib_sigaction(void);
long gp__lib_sigaddset(void);
long gp__lib_sigdelset(void);
long gp__lib_signal(void);
long gp__lib_signalfd(void);
long gp__lib_statfs(void);
long gp__lib_strrchr(void);
long gp__lib_strtol(void);
long gp__lib_syscall(void);
long gp__lib_timerfd_create(void);
long gp__lib_timerfd_settime(void);
long gp__lib_waitpid(void);
long gp__lib_write(void);

#endif
