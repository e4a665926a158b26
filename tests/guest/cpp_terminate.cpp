/* C++: an exception that leaves a thread's function aborts the process. */
#include "guest.h"

#include <stdexcept>
#include <thread>

int main()
{
	printf("throwing\n");
	std::thread([] { throw std::logic_error("nobody catches this"); }).join();
	printf("not reached\n");
	return 0;
}
