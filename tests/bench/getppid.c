// getppid [CALLS]: what one call costs that is passed on to the kernel. Prints nanoseconds per call.
#include "bench.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	long calls = argument(argc, argv, 1, 2000000);

	for (int i = 0; i < 1000; i++) // the shim patches the site on the first call
		getppid();
	int64_t start = now_ns();
	for (long i = 0; i < calls; i++)
		getppid();
	printf("ns %.2f\n", (double)(now_ns() - start) / (double)calls);
	return 0;
}
