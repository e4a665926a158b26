/* C++: thread_local objects are constructed at first use in each thread and destroyed at its end; static ones once. */
#include "guest.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> made{ 0 }, gone{ 0 }, once{ 0 };

struct Counted {
	std::string text = "fresh";
	Counted()
	{
		made++;
	}
	~Counted()
	{
		gone++;
	}
};

struct Slow {
	Slow()
	{
		std::this_thread::sleep_for(
			std::chrono::milliseconds(20)); /* the others wait for the guard meanwhile */
		once++;
	}
	int value = 5;
};

static thread_local Counted counted;

static Slow &slow()
{
	static Slow instance;

	return instance;
}

int main()
{
	std::vector<std::thread> threads;

	for (int i = 0; i < 30; i++)
		threads.emplace_back([i] {
			CHECK_STR(counted.text.c_str(), "fresh");
			counted.text = std::to_string(i);
			CHECK_INT(slow().value, 5);
			std::this_thread::yield();
			CHECK(counted.text == std::to_string(i));
		});
	for (auto &thread : threads)
		thread.join();
	printf("made %d, gone %d, static made %d times\n", made.load(), gone.load(), once.load());
	return guest_done();
}
