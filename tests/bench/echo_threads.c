// echo_threads: an echo server that blocks, one thread for each connection.
#include "echo.h"

#include <pthread.h>

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buffer[4096];
	ssize_t got;

	while ((got = read(fd, buffer, sizeof buffer)) > 0)
		if (write(fd, buffer, (size_t)got) != got)
			break;
	close(fd);
	return NULL;
}

int main(void)
{
	int listener = listen_on_loopback(0);
	pthread_attr_t detached;

	must(pthread_attr_init(&detached), "pthread_attr_init");
	must(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED), "pthread_attr_setdetachstate");
	for (;;) {
		pthread_t thread;
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			must(errno, "accept");
		}
		no_delay(fd);
		must(pthread_create(&thread, &detached, serve, (void *)(intptr_t)fd), "pthread_create");
	}
}
