/* Many threads write lines to one FILE and read from another: no line is torn, none lost; flockfile holds over a block.
 */
#include "guest.h"

enum { THREADS = 10, LINES = 200 };

static FILE *out;

static void *writes(void *arg)
{
	for (int i = 0; i < LINES; i++) {
		if (i % 10 == 0) {
			flockfile(out);
			fprintf(out, "thread %ld ", (long)arg);
			sched_yield();
			fprintf(out, "line %d end\n", i);
			funlockfile(out);
		} else {
			fprintf(out, "thread %ld line %d end\n", (long)arg, i);
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	char line[200];
	int next[THREADS] = { 0 }, lines = 0;

	out = tmpfile();
	if (!out)
		guest_die("tmpfile");
	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(writes, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	rewind(out);
	while (fgets(line, sizeof line, out)) {
		int thread, number, length = 0;

		lines++;
		CHECK_INT(sscanf(line, "thread %d line %d end%n", &thread, &number, &length), 2);
		CHECK_INT(length, strlen(line) - 1);
		if (thread >= 0 && thread < THREADS)
			CHECK_INT(number, next[thread]++);
	}
	printf("%d lines\n", lines);
	fclose(out);
	return guest_done();
}
