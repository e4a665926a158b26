/* greenpatch/dns.h - names of hosts and services. */
#ifndef GREENPATCH_DNS_H
#define GREENPATCH_DNS_H

#include <netdb.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo; /* of netdb.h, which hides it in strict C11 */

/* libc's getaddrinfo(), made where gp_offload() would make it, so others run
 * meanwhile: 0, and a list in *list that gp_freeaddrinfo() frees. A host and a
 * service that are numbers are looked up at once, if hints are given. Any of host,
 * service and hints may be NULL. In a program with libgreenpatch.so others run
 * only if GP_PATCH_DNS and GP_PATCH_SELECT are patched.
 *
 * Errors are negative errnos, getaddrinfo's own as well: EAI_NONAME -ENOENT,
 * EAI_NODATA -ENODATA, EAI_AGAIN -EAGAIN, EAI_FAIL -EIO, EAI_FAMILY and
 * EAI_ADDRFAMILY -EAFNOSUPPORT, EAI_SOCKTYPE -ESOCKTNOSUPPORT, EAI_SERVICE
 * -EPROTONOSUPPORT, EAI_BADFLAGS -EINVAL, EAI_MEMORY -ENOMEM. Also as
 * gp_offload(). Parks, unless host and service are numbers. */
int gp_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list,
                   int64_t deadline);
/* Frees such a list. NULL is allowed. Does not park. */
void gp_freeaddrinfo(struct addrinfo *list);

#ifdef __cplusplus
}
#endif
#endif
