/* A relay in a child process; the parent waits for its pipes cooperatively. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <greenpatch.h>

#define ROUNDS 10

static struct gp_pipe *to_relay, *relay_in, *relay_out, *from_relay;

static int relay(void)
{
	char note[32], text[64];

	for (int number = 0; number < ROUNDS; number++) {
		ssize_t n = gp_pipe_recv(relay_in, note, sizeof note, GP_NEVER);

		if (n < 0)
			return 1;
		n = snprintf(text, sizeof text, "%.*s, passed on as %d", (int)n, note, number);
		if (gp_pipe_send(relay_out, text, (size_t)n, GP_NEVER))
			return 1;
	}
	return 0;
}

static void *sender(void *arg)
{
	for (int number = 0; number < ROUNDS; number++) {
		gp_wait_write(gp_pipe_fd(to_relay), GP_NEVER);
		gp_pipe_send(to_relay, "note", strlen("note"), GP_NEVER);
	}
	return NULL;
}

static void *receiver(void *arg)
{
	for (int number = 0; number < ROUNDS; number++) {
		void *text;

		gp_wait_read(gp_pipe_fd(from_relay), GP_NEVER);
		if (gp_pipe_recv_new(from_relay, &text, GP_NEVER) < 0)
			break;
		printf("%s\n", (char *)text);
		gp_free(text);
	}
	return NULL;
}

int main(void)
{
	struct gp_greenlet *both[2];
	pid_t child;
	int done, status = 0;

	gp_pipe_pair(&to_relay, &relay_in);
	gp_pipe_pair(&relay_out, &from_relay);
	fflush(stdout);
	child = gp_fork(); /* before any greenlet exists */
	if (!child)
		_exit(relay());
	both[0] = gp_spawn(receiver, NULL);
	both[1] = gp_spawn(sender, NULL);
	done = gp_join_all(both, 2, gp_after(5 * GP_SEC));
	gp_waitpid(child, &status, 0, GP_NEVER);
	printf("%d greenlets ended, child status %d\n", done, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	gp_unref(both[0]);
	gp_unref(both[1]);
	return 0;
}
