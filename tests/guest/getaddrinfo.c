/* getaddrinfo for names that need no network, from many threads; numeric addresses, services, unknown flags. */
#include "guest.h"

#include <arpa/inet.h>
#include <netdb.h>

static void *resolve(void *arg)
{
	struct addrinfo hints, *found = NULL;
	char text[64];

	(void)arg;
	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	for (int i = 0; i < 5; i++) {
		CHECK_OK(getaddrinfo("localhost", "80", &hints, &found));
		if (!found)
			return NULL;
		CHECK_INT(ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port), 80);
		CHECK_OK(getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST));
		CHECK_STR(text, "127.0.0.1");
		freeaddrinfo(found);
		found = NULL;
	}
	hints.ai_flags = AI_NUMERICHOST;
	CHECK_INT(getaddrinfo("not-a-number", NULL, &hints, &found), EAI_NONAME);
	return NULL;
}

int main(void)
{
	pthread_t threads[10];

	for (int i = 0; i < 10; i++)
		threads[i] = thread_start(resolve, NULL);
	for (int i = 0; i < 10; i++)
		thread_join(threads[i]);
	return guest_done();
}
