/* diag.c - what a person is told: statistics, and who waits for what. */
#include "preload/shim.h"

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

void gp__stats_print(void)
{
	static const char *const verdicts[] = { "calls-pass", "calls-mayblock", "calls-park", "calls-emulate", "calls-offload", "calls-refuse" };
	const struct gp_shim *s = &gp__shim;
	const struct gp_hub *h = s->hub;
	char name[17];

	if (!s->config.stats || (s->config.stats > 0 && s->config.stats != h->pid))
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
	stat("kernel-threads-peak", 1 + gp__offload_threads(h, true));
	for (unsigned i = 0; i < gp__count(verdicts); i++)
		stat(verdicts[i], s->verdicts[i]);
	stat("preemptions", s->preemptions);
	for (unsigned i = 0; i < gp__count(s->passed); i++)
		if (s->passed[i])
			gp__say("stats: passed-on %s %lu", gp__call_name(i), s->passed[i]);
}

void gp__list_print(void)
{
	struct gp_hub *h = gp__shim.hub;

	gp__say("%lu greenlets in process %d", h->stats.live, h->pid);
	gp__dump(h);
}
