// trace.c: linked into a program of the tutorial, writes the order of its switches, the number of each greenlet that begins
// to run or goes on, to the file that TRACE names when the program ends. tests/determinism.bats compares them. A greenlet
// that begins to run may have little stack, so the numbers are kept in a table until then.
#include "greenpatch/debug.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 1 << 20 };

static unsigned order[MOST]; // the greenlets' numbers
static size_t count;         // of switches; only the first MOST are kept

static void note(struct gp_greenlet *g)
{
	if (count < MOST)
		order[count] = (unsigned)gp_id(g);
	count++;
}

__attribute__((constructor)) static void begin(void)
{
	if (getenv("TRACE"))
		gp_set_trace(note);
}

__attribute__((destructor)) static void end(void)
{
	size_t kept = count < MOST ? count : MOST;
	const char *name = getenv("TRACE");
	int fd = name && kept ? open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600) : -1;

	if (fd >= 0 && write(fd, order, kept * sizeof *order) != (ssize_t)(kept * sizeof *order))
		abort();
}
