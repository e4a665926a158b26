/* apart.c - gp_offload() and gp_getaddrinfo(): functions of libc that block, on threads of the pool. */
#include "unit.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "greenpatch.h"

static int gate[2];
static volatile int began, over;

static void *blocked(void *arg)
{
	char c;

	__atomic_add_fetch(&began, 1, __ATOMIC_SEQ_CST);
	NEED(read(gate[0], &c, 1) == 1);
	free(strdup("libc works here"));
	__atomic_add_fetch(&over, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *caller(void *arg)
{
	void *value = NULL;
	int r = gp_offload(blocked, "v", &value, GP_NEVER);

	trace("%d:%s", r, value ? (char *)value : "none");
	return NULL;
}

CASE("a function that blocks holds up nobody, and gives its value")
{
	struct gp_greenlet *g;

	NEED(!pipe(gate));
	g = gp_spawn(caller, NULL);
	while (!began)
		gp_sleep(100000);
	trace("others");
	NEED(write(gate[1], "x", 1) == 1);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "others 0:v");
}

CASE("after a deadline or a kill the function goes on to its end")
{
	struct gp_greenlet *g;
	void *value = &value;

	NEED(!pipe(gate));
	do { /* one that no thread has taken by then is never called */
		EXPECT_INT(gp_offload(blocked, NULL, &value, gp_after(2 * GP_MSEC)), -ETIMEDOUT);
	} while (!began);
	EXPECT(value == &value);
	g = gp_spawn(caller, NULL);
	while (began < 2)
		gp_sleep(100000);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "-125:none");
	NEED(write(gate[1], "xx", 2) == 2);
	EXPECT_INT(began, 2);
	while (over < 2)
		gp_sleep(100000);
	gp_sleep(GP_MSEC);
}

static void *twice(void *arg)
{
	return (char *)arg + (intptr_t)arg;
}

CASE("a thousand calls, and no function at all")
{
	for (intptr_t i = 0; i < 1000; i++) {
		void *value;

		EXPECT_INT(gp_offload(twice, (void *)i, &value, GP_NEVER), 0);
		EXPECT_INT((intptr_t)value, 2 * i);
	}
	EXPECT_INT(gp_offload(twice, NULL, NULL, GP_NEVER), 0);
	EXPECT_INT(gp_offload(NULL, NULL, NULL, GP_NEVER), -EINVAL);
}

CASE("a host by its number, a service by its name")
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;

	EXPECT_INT(gp_getaddrinfo("127.0.0.1", "8080", &hints, &list, GP_NEVER), 0);
	NEED(list);
	EXPECT_INT(ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port), 8080);
	EXPECT_INT(ntohl(((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr), INADDR_LOOPBACK);
	gp_freeaddrinfo(list);
	gp_freeaddrinfo(NULL);
	EXPECT_INT(gp_getaddrinfo(NULL, "80", NULL, &list, GP_NEVER), 0);
	gp_freeaddrinfo(list);
}

static void *by_number(void *arg)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;

	EXPECT_INT(gp_getaddrinfo(arg, "80", &hints, &list, GP_NEVER), 0);
	gp_freeaddrinfo(list);
	return NULL;
}

CASE("numbers need no thread and little stack")
{
	const struct gp_attr small = { .stack_size = 16384 };
	struct gp_greenlet *g[2] = { gp_spawn_with(&small, by_number, "127.0.0.1"), gp_spawn_with(&small, by_number, "::1") };

	for (int i = 0; i < 2; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_INT(gp__offload_threads(gp__hub(), true), 0);
}

CASE("getaddrinfo's errors are negative errnos")
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *list = NULL;

	EXPECT_INT(gp_getaddrinfo("localhost", "80", &hints, &list, GP_NEVER), -ENOENT);
	EXPECT_INT(gp_getaddrinfo("127.0.0.1", "no-such-service", NULL, &list, GP_NEVER), -EPROTONOSUPPORT);
	hints.ai_flags = -1;
	EXPECT_INT(gp_getaddrinfo("127.0.0.1", "80", &hints, &list, GP_NEVER), -EINVAL);
	hints = (struct addrinfo){ .ai_family = 99 };
	EXPECT_INT(gp_getaddrinfo("127.0.0.1", "80", &hints, &list, GP_NEVER), -EAFNOSUPPORT);
	EXPECT_INT(gp_getaddrinfo(NULL, NULL, NULL, &list, GP_NEVER), -ENOENT);
	EXPECT_INT(gp_getaddrinfo("127.0.0.1", "80", NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT(!list);
}
