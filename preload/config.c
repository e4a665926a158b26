/* config.c - the environment, read once at start.
 *
 * One table (config.tbl), one reader. A wrong value or an unknown name is an
 * error: a program that runs otherwise than asked for is worse than one that
 * does not run.
 */
#include <string.h>
#include "core/print.h"
#include "preload/config.h"

#define PREFIX     "GREENPATCH_"
#define PREFIX_LEN (sizeof PREFIX - 1)
#define SHOWN      100 /* bytes of a wrong value that are shown */
#define DIGITS_MAX 9   /* of a number: as many as a long surely holds */

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Calls each(c, word, first) for the words between commas; false as soon as it is. */
static bool words(struct gp_config *c, const char *list, bool (*each)(struct gp_config *, const char *, bool first))
{
	char word[32];
	size_t n = 0;
	bool first = true;

	for (;; list++) {
		if (*list && *list != ',') {
			if (n == sizeof word - 1)
				return false;
			word[n++] = *list;
			continue;
		}
		word[n] = 0;
		n = 0;
		if (!each(c, word, first))
			return false;
		first = false;
		if (!*list)
			return true;
	}
}

static bool number(const char *s, long max, long *out)
{
	long v = 0;

	if (!*s || strlen(s) > DIGITS_MAX)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > max)
			return false;
		v = v * 10 + *s - '0';
	}
	*out = v;
	return v <= max;
}

/* "all" begins a list, and what is left out stands behind something. */
static bool one_group(struct gp_config *c, const char *word, bool first)
{
	static const char *const names[] = { "socket", "select", "time", "thread", "io", "process", "signal", "dns" };
	bool minus = *word == '-';

	if (first && minus)
		return false;
	if (first && same(word, "all")) {
		c->groups = GP__GROUP_ALL;
		return true;
	}
	for (unsigned i = 0; i < gp__count(names); i++) {
		if (!same(word + minus, names[i]))
			continue;
		c->groups = minus ? c->groups & ~(1U << i) : c->groups | 1U << i;
		return true;
	}
	return false;
}

static bool parse_patch(struct gp_config *c, const char *v)
{
	c->groups = GP__GROUP_ALWAYS;
	return words(c, v, one_group);
}

/* 0 for off, -1 for on, else the process. */
static bool who(const char *v, int *out)
{
	long pid = 0;

	if (same(v, "on") || same(v, "1"))
		pid = -1;
	else if (!same(v, "off") && !number(v, 1 << 22, &pid))
		return false;
	*out = (int)pid;
	return true;
}

static bool parse_stats(struct gp_config *c, const char *v) { return who(v, &c->stats); }
static bool parse_trace(struct gp_config *c, const char *v) { return who(v, &c->trace); }

static bool parse_ps(struct gp_config *c, const char *v)
{
	long pid = 0;

	if (!same(v, "off") && (!number(v, 1 << 22, &pid) || !pid))
		return false;
	c->ps = (int)pid;
	return true;
}

static bool parse_quiet(struct gp_config *c, const char *v)
{
	c->quiet = same(v, "on");
	return c->quiet || same(v, "off");
}

static bool parse_slice(struct gp_config *c, const char *v)
{
	long ms = 0;

	if (!same(v, "off") && (!number(v, 1000, &ms) || ms < 1))
		return false;
	c->slice = ms * GP__MSEC;
	return true;
}

static bool parse_rewrite(struct gp_config *c, const char *v)
{
	c->rewrite = same(v, "on");
	return c->rewrite || same(v, "off");
}

static bool one_feature(struct gp_config *c, const char *word, bool first)
{
	static const char *const names[] = { "-guard", "-nowait", "-iouring", "-fsgsbase" };

	for (unsigned i = 0; i < gp__count(names); i++)
		if (same(word, names[i])) {
			c->features &= ~(1U << i);
			return true;
		}
	return false;
}

static bool parse_features(struct gp_config *c, const char *v)
{
	c->features = GP__FEATURE_ALL;
	return !*v || words(c, v, one_feature);
}

static bool parse_quit(struct gp_config *c, const char *v)
{
	c->quit_list = same(v, "list");
	return c->quit_list || same(v, "native");
}

static bool parse_deadlock(struct gp_config *c, const char *v)
{
	c->deadlock_abort = same(v, "abort");
	return c->deadlock_abort || same(v, "report");
}

static bool parse_help(struct gp_config *c, const char *v)
{
	c->help = same(v, "options") ? 1 : same(v, "version") ? 2 : 0;
	return c->help || same(v, "off");
}

#ifdef GP_FAULT
static bool parse_fault(struct gp_config *c, const char *v)
{
	c->fault = *v ? v : NULL;
	return true;
}
#endif

static const struct variable {
	const char *name, *initial, *accepted, *help;
	bool (*parse)(struct gp_config *c, const char *value);
} variables[] = {
#define VAR(name, initial, parser, accepted, help) { #name, initial, accepted, help, parse_##parser },
#include "preload/config.tbl"
#undef VAR
};

/* What came, fit for one line. */
static const char *shown(const char *value, char out[SHOWN + 4])
{
	size_t n = 0;

	for (; value[n] && n < SHOWN; n++)
		out[n] = (unsigned char)value[n] < ' ' || value[n] == 127 ? '?' : value[n];
	gp__format(out + n, SHOWN + 4 - n, "%s", value[n] ? "..." : "");
	return out;
}

static void say_unknown(const char *name, const char *value)
{
	char known[384] = "", text[SHOWN + 4];
	size_t n = 0;

	for (unsigned i = 0; i < gp__count(variables); i++)
		n += gp__format(known + n, sizeof known - n, "%s" PREFIX "%s", i ? " " : "", variables[i].name);
	gp__say(PREFIX "%s=%s: unknown variable, expected one of %s", name, shown(value, text), known);
}

static bool read_one(struct gp_config *c, const char *entry)
{
	const char *value = entry + PREFIX_LEN;
	char name[64], text[SHOWN + 4];
	size_t n = 0;

	while (*value && *value != '=' && n < sizeof name - 1)
		name[n++] = *value++;
	name[n] = 0;
	if (*value == '=')
		value++;
	for (unsigned i = 0; i < gp__count(variables); i++) {
		if (!same(name, variables[i].name))
			continue;
		if (variables[i].parse(c, value))
			return true;
		gp__say(PREFIX "%s=%s: expected %s", name, shown(value, text), variables[i].accepted);
		return false;
	}
	say_unknown(name, value);
	return false;
}

bool gp__config_read(struct gp_config *c, char **envp)
{
	for (unsigned i = 0; i < gp__count(variables); i++)
		variables[i].parse(c, variables[i].initial);
	for (; envp && *envp; envp++)
		if (!memcmp(*envp, PREFIX, gp__min(PREFIX_LEN, strlen(*envp) + 1)) && !read_one(c, *envp))
			return false;
	return true;
}

void gp__config_help(void)
{
	for (unsigned i = 0; i < gp__count(variables); i++) {
		const struct variable *v = &variables[i];

		gp__out("  GREENPATCH_%-9s %s", v->name, v->help);
		gp__out("  %-20s accepts %s%s%s", "", v->accepted, *v->initial ? "; default " : "", v->initial);
	}
}
