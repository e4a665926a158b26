/* diag.c - what a person is told: statistics, and who waits for what. */
#include <sys/resource.h>
#include <time.h>
#include "core/run/offload.h"
#include "core/run/ownfd.h"
#include "preload/calls/futex.h"
#include "preload/calls/signal.h"
#include "preload/diag.h"
#include "preload/trap/sud.h"
#include "core/clock.h"

#define AGAIN         GP__SEC /* a second SIGQUIT within it ends the program */
#define TICKS_ENOUGH  10      /* fewer say nothing about a program */
#define BUSY_PERCENT  90      /* of the time it wanted a processor */
#define CROWD_PERCENT 50      /* of the ticks found somebody waiting for it */

#define REFUSALS      16
#define FAULT_BELOW   65536   /* a frame may be that large and miss the guard */
#define FAULT_ABOVE   4096

static struct {
	const char *what;
	unsigned long times;
} refusal[REFUSALS]; /* of the process */

static void stat(const char *key, unsigned long value)
{
	gp__say("stats: %s %lu", key, value);
}

/* The program's name as the kernel has it. */
static const char *program(char buf[17])
{
	buf[16] = 0;
	gp__raw(SYS_prctl, 16 /* PR_GET_NAME */, buf);
	return buf;
}

static bool for_us(int who, const struct gp_hub *h)
{
	return who && (who < 0 || who == h->pid);
}

/* Who asked for lines gets them also from a program that closes its stderr, as
 * many do before they end. Others keep nothing open that the program closes. */
static void keep_stderr(bool keep)
{
	int fd;

	if (keep == (gp__stderr != 2))
		return;
	if (keep) {
		fd = gp__fd_hide((int)gp__raw(SYS_dup, 2));
		gp__stderr = fd < 0 ? 2 : fd;
		return;
	}
	gp__fd_drop(gp__stderr);
	gp__stderr = 2;
}

void gp__diag_start(struct gp_hub *h)
{
	struct gp_shim *s = &gp__shim;

	s->started = gp__now();
	s->tracing = for_us(s->config.trace, h);
	keep_stderr(s->tracing || for_us(s->config.stats, h));
	s->traps = s->preemptions = s->blocks = s->ticks = s->ticks_crowded = 0;
	memset(s->verdicts, 0, sizeof s->verdicts);
	memset(s->passed, 0, sizeof s->passed);
	memset(refusal, 0, sizeof refusal);
}

/* How long this kernel thread has run, or could have and had no processor. */
static int64_t time_wanted(void)
{
	char text[64] = "";
	const char *p = text;
	int64_t total = 0;
	long fd = gp__raw(SYS_open, "/proc/thread-self/schedstat", 02000000 /* O_CLOEXEC */);

	gp__raw(SYS_read, fd, text, sizeof text - 1);
	gp__raw(SYS_close, fd);
	for (int field = 0; field < 2; field++, p += *p == ' ') {
		int64_t v = 0;

		for (; *p >= '0' && *p <= '9'; p++)
			v = v * 10 + *p - '0';
		total += v;
	}
	return total ? total : gp__clock(CLOCK_THREAD_CPUTIME_ID);
}

/* The tick is the sample: how often somebody else could have run just then. */
static void warn_of_one_core(const struct gp_shim *s)
{
	int64_t wall = gp__now() - s->started;
	long busy = (long)(time_wanted() * 100 / gp__max(wall, 1LL));
	long crowd = (long)(s->ticks_crowded * 100 / gp__max(s->ticks, 1UL));

	if (s->ticks < TICKS_ENOUGH || busy < BUSY_PERCENT || crowd < CROWD_PERCENT)
		return;
	gp__say("stats: warning one core was the limit: the program wanted it for %ld %% of its time, and for %ld %% of that other greenlets were ready to run",
	        gp__min(busy, 100L), crowd);
}

void gp__stats_print(void)
{
	static const char *const verdicts[] = { "calls-pass", "calls-mayblock", "calls-park", "calls-emulate", "calls-offload", "calls-refuse" };
	const struct gp_shim *s = &gp__shim;
	const struct gp_hub *h = s->hub;
	char name[17];

	gp__trace_unfinished(s->hub);
	if (!for_us(s->config.stats, h))
		return;
	stat("pid", (unsigned long)h->pid);
	gp__say("stats: program %s", program(name));
	stat("greenlets-made", h->stats.greenlets);
	stat("greenlets-peak", h->stats.peak);
	stat("switches", h->stats.switches);
	stat("parks", h->stats.parks);
	stat("traps", s->traps);
	stat("sites-patched", s->patched);
	stat("sites-trapping", s->trapping);
	stat("kernel-threads-peak", 1 + gp__offload_threads(h, true) + gp__futex_watcher_runs());
	for (unsigned i = 0; i < gp__count(verdicts); i++)
		stat(verdicts[i], s->verdicts[i]);
	stat("preemptions", s->preemptions);
	for (unsigned i = 0; i < gp__count(s->passed); i++)
		if (s->passed[i])
			gp__say("stats: passed-on %s %lu", gp__call_name(i), s->passed[i]);
	for (unsigned i = 0; i < REFUSALS && refusal[i].what; i++)
		gp__say("stats: refused %s %lu", refusal[i].what, refusal[i].times);
	warn_of_one_core(s);
}

/* ---- lists ------------------------------------------------------------------- */

void gp__list_print(struct gp_hub *h, int fd)
{
	char name[17];

	gp__print(fd, "%lu greenlets in process %d, %s", h->stats.live, h->pid, program(name));
	gp__dump_to(h, fd);
}

bool gp__list_asked(struct gp_hub *h)
{
	static int64_t last = -AGAIN;
	int64_t now = gp__now();

	if (now - last < AGAIN)
		return true;
	last = now;
	gp__list_print(h, 2);
	return false;
}

bool gp__deadlock_denied(struct gp_hub *h)
{
	const struct gp_config *c = &gp__shim.config;
	unsigned long none = 0;

	/* A kernel thread that is not ours may do anything. */
	if (gp__shim.foreign || gp__signal_any_handler())
		return true;
	if (c->deadlock_abort) {
		if (!c->quiet)
			gp__dump_deadlock(h);
		gp__kernel_action(6, 0, 0);
		gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
		gp__signal_send(h->tid, 6, NULL);
	}
	return c->quiet;
}

/* ---- hints --------------------------------------------------------------------- */

void gp__limit_reached(const struct gp_frame *f)
{
	static bool told;
	struct rlimit lim;
	long fd;

	if (told || gp__shim.config.quiet)
		return;
	if ((long)f->rax == -ENFILE) {
		told = true;
		gp__say("%s: the system's table of open files is full (fs.file-max), --nofile cannot help", gp__call_name(f->nr));
		return;
	}
	/* There are other limits with the same errno: is it this one? */
	fd = gp__raw(SYS_fcntl, 2, 1030 /* F_DUPFD_CLOEXEC */, 0);
	if (!gp__is_err(fd))
		gp__raw(SYS_close, fd);
	if (fd != -EMFILE || gp__raw(SYS_getrlimit, RLIMIT_NOFILE, &lim))
		return;
	told = true;
	gp__say("%s: %lu files are open, which is the limit; start the program with greenpatch --nofile=N for more (up to %lu here)",
	        gp__call_name(f->nr), lim.rlim_cur, lim.rlim_max);
}

void gp__refused(const char *what, const char *why)
{
	unsigned i = 0;

	while (i < REFUSALS - 1 && refusal[i].what && strcmp(refusal[i].what, what))
		i++;
	refusal[i].what = what;
	if (!refusal[i].times++ && !gp__shim.config.quiet)
		gp__say("%s: refused, %s", what, why);
}

void gp__overflow_told(struct gp_hub *h, const siginfo_t *info, uint64_t rsp)
{
	uint64_t at = (uint64_t)info->si_addr;
	char name[32];

	if (info->si_signo != SIGSEGV || at + FAULT_BELOW < rsp || at >= rsp + FAULT_ABOVE || gp__shim.config.quiet)
		return;
	h->hooks->describe(h->current, name, sizeof name);
	gp__say("greenlet #%lu %s: its stack is used up (SIGSEGV at 0x%lx)", h->current->id, name, at);
}
