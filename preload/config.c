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

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Calls each(c, word) for the words between commas; false as soon as it is. */
static bool words(struct gp_config *c, const char *list, bool (*each)(struct gp_config *, const char *))
{
	char word[32];
	size_t n = 0;

	for (;; list++) {
		if (*list && *list != ',') {
			if (n == sizeof word - 1)
				return false;
			word[n++] = *list;
			continue;
		}
		word[n] = 0;
		n = 0;
		if (!each(c, word))
			return false;
		if (!*list)
			return true;
	}
}

static bool number(const char *s, long max, long *out)
{
	long v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > max)
			return false;
		v = v * 10 + *s - '0';
	}
	*out = v;
	return v <= max;
}

static bool one_group(struct gp_config *c, const char *word)
{
	static const char *const names[] = { "socket", "select", "time", "thread", "io", "process", "signal", "dns" };
	bool minus = *word == '-';

	if (same(word, "all")) {
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

static bool parse_stats(struct gp_config *c, const char *v)
{
	long pid;

	if (same(v, "off") || same(v, "0"))
		c->stats = 0;
	else if (same(v, "on") || same(v, "1"))
		c->stats = -1;
	else if (number(v, 1 << 22, &pid))
		c->stats = (int)pid;
	else
		return false;
	return true;
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

static bool one_feature(struct gp_config *c, const char *word)
{
	static const char *const names[] = { "-guard", "-nowait", "-iouring" };

	for (unsigned i = 0; i < gp__count(names); i++)
		if (same(word, names[i])) {
			c->features &= ~(1U << i);
			return true;
		}
	return !*word;
}

static bool parse_features(struct gp_config *c, const char *v)
{
	c->features = GP__FEATURE_ALL;
	return words(c, v, one_feature);
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
	return c->help || !*v;
}

static const struct variable {
	const char *name, *initial, *accepted, *help;
	bool (*parse)(struct gp_config *c, const char *value);
} variables[] = {
#define VAR(name, initial, parser, accepted, help) { #name, initial, accepted, help, parse_##parser },
#include "preload/config.tbl"
#undef VAR
};

static bool read_one(struct gp_config *c, const char *entry)
{
	const char *value = entry + PREFIX_LEN;
	char name[64];
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
		gp__say(PREFIX "%s=%s: expected %s", name, value, variables[i].accepted);
		return false;
	}
	gp__say(PREFIX "%s: unknown variable; accepted are " PREFIX "{PATCH,STATS,SLICE,REWRITE,FEATURES,QUIT,DEADLOCK,HELP}", name);
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
