/* dns.c - names of hosts and services (greenpatch/dns.h).
 *
 * By libc's getaddrinfo(), which blocks: apart from the greenlet that waits. What
 * it is asked, and its answer, lie on the heap, because the greenlet may leave.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include "core/alloc.h"
#include "core/apart.h"
#include "core/io.h"
#include "greenpatch/dns.h"

struct lookup {
	const char *host, *service; /* NULL, or in text */
	struct addrinfo hints;
	bool hinted;
	struct addrinfo *list;      /* the answer */
	int error;                  /* EAI_... */
	int saved_errno;            /* with EAI_SYSTEM */
	char text[];
};

static void ask(void *p)
{
	struct lookup *l = p;

	errno = 0;
	l->error = getaddrinfo(l->host, l->service, l->hinted ? &l->hints : NULL, &l->list);
	l->saved_errno = errno;
}

static void drop(void *p)
{
	struct lookup *l = p;

	if (l->list)
		freeaddrinfo(l->list);
	gp__free(l);
}

static int error_of(const struct lookup *l)
{
	switch (l->error) {
	case 0: return 0;
	case EAI_NONAME: return -ENOENT;
	case EAI_NODATA: return -ENODATA;
	case EAI_AGAIN: return -EAGAIN;
	case EAI_FAMILY:
	case EAI_ADDRFAMILY: return -EAFNOSUPPORT;
	case EAI_SOCKTYPE: return -ESOCKTNOSUPPORT;
	case EAI_SERVICE: return -EPROTONOSUPPORT;
	case EAI_BADFLAGS: return -EINVAL;
	case EAI_MEMORY: return -ENOMEM;
	case EAI_SYSTEM: return l->saved_errno ? -l->saved_errno : -EIO;
	default: return -EIO;
	}
}

static struct lookup *lookup_make(const char *host, const char *service, const struct addrinfo *hints)
{
	size_t n = host ? strlen(host) + 1 : 0, m = service ? strlen(service) + 1 : 0;
	struct lookup *l = gp__alloc(sizeof *l + n + m);

	if (!l)
		return NULL;
	if (host)
		l->host = memcpy(l->text, host, n);
	if (service)
		l->service = memcpy(l->text + n, service, m);
	if (hints) {
		l->hints = (struct addrinfo){ .ai_flags = hints->ai_flags, .ai_family = hints->ai_family,
			.ai_socktype = hints->ai_socktype, .ai_protocol = hints->ai_protocol };
		l->hinted = true;
	}
	return l;
}

/* Numbers only: libc answers at once, and with little stack. */
static bool numeric(const struct lookup *l)
{
	struct in6_addr any;

	if (!l->hinted || l->hints.ai_flags & AI_ADDRCONFIG || !l->host)
		return false;
	for (const char *c = l->service; c && *c; c++)
		if (*c < '0' || *c > '9')
			return false;
	return inet_pton(AF_INET, l->host, &any) == 1 || inet_pton(AF_INET6, l->host, &any) == 1;
}

GP_API int gp_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list,
                          int64_t deadline)
{
	struct lookup *l;
	struct gp_hub *h;
	int r = gp__desc_enter(&h, -1);

	if (r || !list)
		return r ? r : -EINVAL;
	l = lookup_make(host, service, hints);
	if (!l)
		return -ENOMEM;
	if (numeric(l))
		ask(l);
	else
		r = gp__apart(h, ask, l, drop, deadline);
	if (r)
		return r;
	r = error_of(l);
	if (!r) {
		*list = l->list;
		l->list = NULL;
	}
	drop(l);
	return r;
}

GP_API void gp_freeaddrinfo(struct addrinfo *list)
{
	if (list)
		freeaddrinfo(list);
}
