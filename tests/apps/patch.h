/* patch.h - for the programs that link the library and patch themselves. */
#ifndef APPS_PATCH_H
#define APPS_PATCH_H

#include <errno.h>
#include <greenpatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			printf("wrong: line %d: %s, errno %d\n", __LINE__, #x, errno);             \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define MAYBE_UNUSED __attribute__((unused))

MAYBE_UNUSED static void join(struct gp_greenlet *g)
{
	CHECK(g && gp_join(g, GP_NEVER) == 0);
	gp_unref(g);
}

/* One of what the program can do, by its name. */
struct patch_case {
	const char *name;
	void (*run)(void);
};

/* main() of such a program; the exit status. */
MAYBE_UNUSED static int run_case(int argc, char **argv, const struct patch_case *cases, size_t n)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc == 2 && i < n; i++)
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return 0;
		}
	fprintf(stderr, "usage: %s CASE\n", program_invocation_short_name);
	return 2;
}

#endif
