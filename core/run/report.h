/* report.h - what is said when a greenlet ends with an error. */
#ifndef GP_CORE_RUN_REPORT_H
#define GP_CORE_RUN_REPORT_H

struct gp_hub;
struct gp_greenlet;

/* To the program's handler, or on stderr with a backtrace. On the greenlet's
 * own stack, before it leaves. */
void gp__report_error(struct gp_hub *h, struct gp_greenlet *g);

#endif
