/* resolve.c - the addresses of a name, for servers and clients. */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include "core/server.h"
#include "greenpatch/dns.h"

/* In the order of the network, without libc's functions for it. */
static void set_port(struct gp_address *a, int port)
{
	uint8_t *b = (uint8_t *)&a->storage; /* the same place in both families */

	b[2] = (uint8_t)(port >> 8);
	b[3] = (uint8_t)port;
}

int gp__resolve(const char *host, size_t n, int port, struct gp_address *out, int max, int64_t deadline)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *list;
	char name[256];
	int count = 0, r;

	if (!n || n >= sizeof name)
		return -ENOENT;
	memcpy(name, host, n);
	name[n] = 0;
	r = gp_getaddrinfo(name, NULL, &hints, &list, deadline);
	if (r)
		return r;
	for (struct addrinfo *a = list; a && count < max; a = a->ai_next) {
		struct gp_address *to = &out[count];

		if (a->ai_addrlen > sizeof to->storage || (a->ai_family != AF_INET && a->ai_family != AF_INET6))
			continue;
		memcpy(&to->storage, a->ai_addr, a->ai_addrlen);
		to->length = a->ai_addrlen;
		set_port(to, port);
		count++;
	}
	gp_freeaddrinfo(list);
	return count;
}
