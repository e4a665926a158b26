/* config.c - the GREENPATCH_ variables: what is accepted, what it means, and what is said of the rest. Compiled from
 * the shim's own file. */
#include "unit.h"
#include "preload/config.c"

static struct gp_config c;

/* Reads one variable on top of the defaults; false when it was refused. What was said is in `said`. */
static const char *said;

static bool read_env(char *first, char *second)
{
	char *envp[] = { "PATH=/bin", first, "LANG=C", second, NULL };
	bool good;

	memset(&c, 0xaa, sizeof c);
	capture(2);
	good = gp__config_read(&c, envp);
	said = captured(2);
	return good;
}

static void accepted(char *entry)
{
	if (!read_env(entry, NULL))
		unit_fail(__FILE__, __LINE__, "%s: expected to be accepted, came: %s", entry, said);
	EXPECT_STR(said, "");
}

/* It is refused in one line that begins with it and says what would be accepted. */
static void refused(char *entry, const char *expected)
{
	char begin[256];

	if (read_env(entry, NULL)) {
		unit_fail(__FILE__, __LINE__, "%s: expected to be refused, came nothing", entry);
		return;
	}
	snprintf(begin, sizeof begin, "greenpatch: %s: ", entry);
	if (strncmp(said, begin, strlen(begin)) || !strstr(said, expected) ||
	    strchr(said, '\n') != said + strlen(said) - 1)
		unit_fail(__FILE__, __LINE__, "%s: expected one line \"%s... %s\", came \"%s\"", entry, begin, expected,
		          said);
}

CASE("without any variable, the defaults hold")
{
	EXPECT(read_env("HOME=/", NULL));
	EXPECT_STR(said, "");
	EXPECT_INT(c.groups, GP__GROUP_ALL);
	EXPECT_INT(c.features, GP__FEATURE_ALL);
	EXPECT_INT(c.rewrite, 1);
	EXPECT_INT(c.slice, 10 * GP__MSEC);
	EXPECT_INT(c.stats, 0);
	EXPECT_INT(c.quit_list, 0);
	EXPECT_INT(c.deadlock_abort, 0);
	EXPECT_INT(c.help, 0);
	EXPECT_INT(c.trace, 0);
	EXPECT_INT(c.ps, 0);
	EXPECT_INT(c.quiet, 0);
	EXPECT(gp__config_read(&c, NULL));
	EXPECT_INT(c.slice, 10 * GP__MSEC);
}

CASE("other variables are none of our business, however much they look like ours")
{
	EXPECT(read_env("GREENPATCHX=1", "GREENPATC_SLICE=1"));
	EXPECT(read_env("GREENPATCH=1", "GREEN"));
	EXPECT(read_env("XGREENPATCH_SLICE=abc", ""));
	EXPECT(read_env("greenpatch_slice=abc", "="));
	EXPECT_INT(c.slice, 10 * GP__MSEC);
}

CASE("PATCH: groups are chosen and left out")
{
	accepted("GREENPATCH_PATCH=all");
	EXPECT_INT(c.groups, GP__GROUP_ALL);
	accepted("GREENPATCH_PATCH=all,-dns,-select");
	EXPECT_INT(c.groups, GP__GROUP_ALL & ~GP__GROUP_DNS & ~GP__GROUP_SELECT);
	accepted("GREENPATCH_PATCH=socket");
	EXPECT_INT(c.groups, GP__GROUP_SOCKET | GP__GROUP_ALWAYS);
	accepted("GREENPATCH_PATCH=socket,select,time,thread,io,process,signal,dns");
	EXPECT_INT(c.groups, GP__GROUP_ALL);
	accepted("GREENPATCH_PATCH=time,-time");
	EXPECT_INT(c.groups, GP__GROUP_ALWAYS);
}

CASE("PATCH: unknown groups and empty words are refused")
{
	refused("GREENPATCH_PATCH=", "socket");
	refused("GREENPATCH_PATCH=sockets", "socket");
	refused("GREENPATCH_PATCH=all,", "socket");
	refused("GREENPATCH_PATCH=,all", "socket");
	refused("GREENPATCH_PATCH=all,-", "socket");
	refused("GREENPATCH_PATCH=-all", "socket");
	refused("GREENPATCH_PATCH=all,-all", "socket");
	refused("GREENPATCH_PATCH=-dns", "socket");
	refused("GREENPATCH_PATCH=socket,all", "socket");
	refused("GREENPATCH_PATCH=all -dns", "socket");
	refused("GREENPATCH_PATCH=ALL", "socket");
	refused("GREENPATCH_PATCH=socketsocketsocketsocketsocketsocket", "socket");
}

CASE("STATS: off, on or a process")
{
	accepted("GREENPATCH_STATS=off");
	EXPECT_INT(c.stats, 0);
	accepted("GREENPATCH_STATS=on");
	EXPECT_INT(c.stats, -1);
	accepted("GREENPATCH_STATS=1");
	EXPECT_INT(c.stats, -1);
	accepted("GREENPATCH_STATS=12345");
	EXPECT_INT(c.stats, 12345);
	refused("GREENPATCH_STATS=", "process id");
	refused("GREENPATCH_STATS=yes", "process id");
	refused("GREENPATCH_STATS=-5", "process id");
	refused("GREENPATCH_STATS=4194305", "process id");
	refused("GREENPATCH_STATS=18446744073709551617", "process id");
}

CASE("TRACE: off, on or a process")
{
	accepted("GREENPATCH_TRACE=off");
	EXPECT_INT(c.trace, 0);
	accepted("GREENPATCH_TRACE=on");
	EXPECT_INT(c.trace, -1);
	EXPECT_INT(c.stats, 0);
	accepted("GREENPATCH_TRACE=17");
	EXPECT_INT(c.trace, 17);
	refused("GREENPATCH_TRACE=", "process id");
	refused("GREENPATCH_TRACE=all", "process id");
}

CASE("PS: off or a process")
{
	accepted("GREENPATCH_PS=off");
	EXPECT_INT(c.ps, 0);
	accepted("GREENPATCH_PS=4194304");
	EXPECT_INT(c.ps, 4194304);
	refused("GREENPATCH_PS=0", "process id");
	refused("GREENPATCH_PS=on", "process id");
	refused("GREENPATCH_PS=-1", "process id");
	refused("GREENPATCH_PS=4194305", "process id");
}

CASE("SLICE: 1 to 1000 milliseconds, or off")
{
	accepted("GREENPATCH_SLICE=1");
	EXPECT_INT(c.slice, GP__MSEC);
	accepted("GREENPATCH_SLICE=1000");
	EXPECT_INT(c.slice, GP__SEC);
	accepted("GREENPATCH_SLICE=007");
	EXPECT_INT(c.slice, 7 * GP__MSEC);
	accepted("GREENPATCH_SLICE=off");
	EXPECT_INT(c.slice, 0);
	refused("GREENPATCH_SLICE=", "1 to 1000");
	refused("GREENPATCH_SLICE=0", "1 to 1000");
	refused("GREENPATCH_SLICE=1001", "1 to 1000");
	refused("GREENPATCH_SLICE=-1", "1 to 1000");
	refused("GREENPATCH_SLICE=10ms", "1 to 1000");
	refused("GREENPATCH_SLICE= 10", "1 to 1000");
	refused("GREENPATCH_SLICE=abc", "1 to 1000");
	refused("GREENPATCH_SLICE=10=10", "1 to 1000");
	refused("GREENPATCH_SLICE=99999999999999999999999999", "1 to 1000");
}

CASE("REWRITE, QUIET, QUIT and DEADLOCK: one of two words")
{
	accepted("GREENPATCH_QUIET=on");
	EXPECT_INT(c.quiet, 1);
	accepted("GREENPATCH_QUIET=off");
	EXPECT_INT(c.quiet, 0);
	refused("GREENPATCH_QUIET=1", "on or off");
	accepted("GREENPATCH_REWRITE=off");
	EXPECT_INT(c.rewrite, 0);
	accepted("GREENPATCH_REWRITE=on");
	EXPECT_INT(c.rewrite, 1);
	refused("GREENPATCH_REWRITE=no", "on or off");
	refused("GREENPATCH_REWRITE=", "on or off");
	accepted("GREENPATCH_QUIT=list");
	EXPECT_INT(c.quit_list, 1);
	accepted("GREENPATCH_QUIT=native");
	EXPECT_INT(c.quit_list, 0);
	refused("GREENPATCH_QUIT=lists", "native or list");
	accepted("GREENPATCH_DEADLOCK=abort");
	EXPECT_INT(c.deadlock_abort, 1);
	accepted("GREENPATCH_DEADLOCK=report");
	EXPECT_INT(c.deadlock_abort, 0);
	refused("GREENPATCH_DEADLOCK=ignore", "report or abort");
}

CASE("FEATURES: what to do without")
{
	accepted("GREENPATCH_FEATURES=");
	EXPECT_INT(c.features, GP__FEATURE_ALL);
	accepted("GREENPATCH_FEATURES=-guard");
	EXPECT_INT(c.features, GP__FEATURE_ALL & ~GP__FEATURE_GUARD);
	accepted("GREENPATCH_FEATURES=-nowait,-iouring");
	EXPECT_INT(c.features, GP__FEATURE_GUARD | GP__FEATURE_FSGSBASE);
	accepted("GREENPATCH_FEATURES=-fsgsbase");
	EXPECT_INT(c.features, GP__FEATURE_ALL & ~GP__FEATURE_FSGSBASE);
	accepted("GREENPATCH_FEATURES=-guard,-nowait,-iouring,-fsgsbase");
	EXPECT_INT(c.features, 0);
	refused("GREENPATCH_FEATURES=guard", "-guard");
	refused("GREENPATCH_FEATURES=-guard,", "-guard");
	refused("GREENPATCH_FEATURES=-guards", "-guard");
	refused("GREENPATCH_FEATURES=none", "-guard");
}

CASE("HELP: options, version or off")
{
	accepted("GREENPATCH_HELP=off");
	EXPECT_INT(c.help, 0);
	refused("GREENPATCH_HELP=", "version");
	accepted("GREENPATCH_HELP=options");
	EXPECT_INT(c.help, 1);
	accepted("GREENPATCH_HELP=version");
	EXPECT_INT(c.help, 2);
	refused("GREENPATCH_HELP=all", "version");
}

CASE("an unknown name is refused, with the names that are known")
{
	char much[300] = "GREENPATCH_";

	EXPECT(!read_env("GREENPATCH_SLICES=1", NULL));
	EXPECT_HAS(said, "greenpatch: GREENPATCH_SLICES=1: unknown variable");
	for (unsigned i = 0; i < gp__count(variables); i++) {
		char known[64];

		snprintf(known, sizeof known, "GREENPATCH_%s", variables[i].name);
		EXPECT_HAS(said, known);
	}
	EXPECT(!read_env("GREENPATCH_=1", NULL));
	EXPECT(!read_env("GREENPATCH_SLIC=1", NULL));
	EXPECT(!read_env("GREENPATCH_slice=1", NULL));
	memset(much + 11, 'X', sizeof much - 12);
	EXPECT(!read_env(much, NULL));
	EXPECT_HAS(said, "greenpatch: GREENPATCH_XXX");
}

CASE("a wrong value that is long or holds control characters still makes one line")
{
	char much[3000] = "GREENPATCH_SLICE=";

	EXPECT(!read_env("GREENPATCH_QUIT=a\nb\x1b[31mc\x7f", NULL));
	EXPECT_INT(strchr(said, '\n') - said, strlen(said) - 1);
	EXPECT(!strchr(said, '\x1b') && !strchr(said, '\x7f'));
	EXPECT_HAS(said, "expected native or list\n");
	for (size_t size = 1; size < 2900; size = size * 3 / 2 + 1) {
		memset(much + 17, 'y', size);
		much[17 + size] = 0;
		EXPECT(!read_env(much, NULL));
		EXPECT_HAS(said, "expected a number of milliseconds from 1 to 1000, or off\n");
		EXPECT(strlen(said) < 400);
	}
}

CASE("the first wrong one is reported, the last of two good ones holds")
{
	EXPECT(!read_env("GREENPATCH_SLICE=bad", "GREENPATCH_REWRITE=bad"));
	EXPECT_HAS(said, "GREENPATCH_SLICE=bad");
	EXPECT(!strstr(said, "GREENPATCH_REWRITE=bad"));
	EXPECT(read_env("GREENPATCH_SLICE=5", "GREENPATCH_SLICE=6"));
	EXPECT_INT(c.slice, 6 * GP__MSEC);
	EXPECT(read_env("GREENPATCH_SLICE=5", "GREENPATCH_QUIT=list"));
	EXPECT(c.slice == 5 * GP__MSEC && c.quit_list);
}

CASE("the help names every variable, what it accepts and its default; every default is accepted")
{
	const char *text;

	capture(1);
	gp__config_help();
	text = captured(1);
	for (unsigned i = 0; i < gp__count(variables); i++) {
		char entry[128];

		snprintf(entry, sizeof entry, "GREENPATCH_%s", variables[i].name);
		EXPECT_HAS(text, entry);
		EXPECT_HAS(text, variables[i].accepted);
		EXPECT_HAS(text, variables[i].help);
		EXPECT_HAS(text, variables[i].initial);
	}
	for (unsigned i = 0; i < gp__count(variables); i++)
		EXPECT(variables[i].parse(&c, variables[i].initial));
	for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
		EXPECT(strcspn(line, "\n") < 200);
}
