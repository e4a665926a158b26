/* config.c - the reader of the environment is given random variables (scripts/fuzz-shim): lines of the input, each with
 * GREENPATCH_ before it, each in a block of its own size. What is accepted must be within its limits. */
#include <stdlib.h>
#include <string.h>
#include "preload/config.h"

#define ENTRIES 16

static void check(const struct gp_config *c)
{
	if (c->groups & ~(unsigned)GP__GROUP_ALL || c->features & ~(unsigned)GP__FEATURE_ALL || c->slice < 0 || c->slice > 1000 * GP__MSEC ||
	    c->stats < -1 || c->trace < -1 || c->stats > 1 << 22 || c->trace > 1 << 22 || c->ps < 0 || c->ps > 1 << 22 || c->help < 0 || c->help > 2)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size)
{
	char *env[ENTRIES + 1] = { NULL };
	struct gp_config c;
	size_t at = 0;

	memset(&c, 0, sizeof c);
	for (int i = 0; i < ENTRIES && at < size; i++) {
		const unsigned char *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - data) - at : size - at;
		size_t prefix = n && data[at] == '!' ? 0 : strlen("GREENPATCH_"); /* one that is none of ours */

		env[i] = malloc(prefix + n + 1);
		memcpy(env[i], "GREENPATCH_", prefix);
		memcpy(env[i] + prefix, data + at, n);
		env[i][prefix + n] = 0;
		at += n + 1;
	}
	if (gp__config_read(&c, env))
		check(&c);
	for (int i = 0; env[i]; i++)
		free(env[i]);
	return 0;
}
