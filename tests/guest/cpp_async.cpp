/* C++: std::async, promises and futures, packaged tasks, std::atomic::wait, and exceptions that cross threads. */
#include "guest.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

static long fibonacci(int n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int main()
{
	std::vector<std::future<long>> results;
	long sum = 0;

	for (int i = 0; i < 20; i++)
		results.push_back(std::async(std::launch::async, fibonacci, i));
	for (auto &result : results)
		sum += result.get();
	printf("sum %ld\n", sum);

	auto fails = std::async(std::launch::async, []() -> int {
		std::this_thread::sleep_for(std::chrono::milliseconds(10));
		throw std::runtime_error("thrown in a thread");
	});
	CHECK(fails.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
	try {
		fails.get();
		printf("not reached\n");
	} catch (const std::runtime_error &error) {
		printf("caught: %s\n", error.what());
	}

	std::vector<std::thread> threads;
	std::atomic<int> caught{ 0 };
	for (int i = 0; i < 20; i++)
		threads.emplace_back([&caught, i] {
			for (int k = 0; k < 50; k++) {
				try {
					std::this_thread::yield(); /* others throw and catch meanwhile */
					try {
						throw i * 1000 + k;
					} catch (int first) {
						std::this_thread::yield();
						throw std::to_string(first);
					}
				} catch (const std::string &text) {
					caught += text == std::to_string(i * 1000 + k);
				}
			}
		});
	for (auto &thread : threads)
		thread.join();
	printf("caught %d\n", caught.load());

	std::atomic<int> turn{ 0 };
	std::thread other([&turn] {
		for (int i = 0; i < 300; i++) {
			turn.wait(0);
			turn = 0;
			turn.notify_one();
		}
	});
	for (int i = 0; i < 300; i++) {
		turn = 1;
		turn.notify_one();
		turn.wait(1);
	}
	other.join();

	std::promise<int> promise;
	auto future = promise.get_future().share();
	threads.clear();
	std::atomic<int> got{ 0 };
	for (int i = 0; i < 5; i++)
		threads.emplace_back([&got, future] { got += future.get(); });
	promise.set_value(3);
	for (auto &thread : threads)
		thread.join();
	printf("got %d\n", got.load());
	return guest_done();
}
