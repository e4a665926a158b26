/* C++: std::thread, mutexes, condition_variable, shared_mutex, call_once, jthread with stop tokens, latch and barrier.
 */
#include "guest.h"

#include <barrier>
#include <condition_variable>
#include <deque>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <vector>

template <typename T> class Queue
{
public:
	void push(T item)
	{
		std::lock_guard<std::mutex> guard(mutex_);
		items_.push_back(std::move(item));
		some_.notify_one();
	}

	T pop()
	{
		std::unique_lock<std::mutex> guard(mutex_);

		some_.wait(guard, [this] { return !items_.empty(); });
		T item = std::move(items_.front());
		items_.pop_front();
		return item;
	}

private:
	std::mutex mutex_;
	std::condition_variable some_;
	std::deque<T> items_;
};

int main()
{
	Queue<int> queue;
	std::vector<std::thread> threads;
	long sum = 0;

	for (int i = 0; i < 10; i++)
		threads.emplace_back([&queue, i] {
			for (int k = 0; k < 100; k++)
				queue.push(i * 100 + k);
		});
	for (int i = 0; i < 1000; i++)
		sum += queue.pop();
	for (auto &thread : threads)
		thread.join();
	printf("sum %ld\n", sum);

	std::timed_mutex timed;
	timed.lock();
	std::thread([&timed] { CHECK(!timed.try_lock_for(std::chrono::milliseconds(30))); }).join();
	timed.unlock();

	std::shared_mutex shared;
	std::once_flag once;
	std::latch latch(8);
	int called = 0, value = 0;
	threads.clear();
	for (int i = 0; i < 8; i++)
		threads.emplace_back([&] {
			std::call_once(once, [&called] { called++; });
			latch.arrive_and_wait();
			for (int k = 0; k < 50; k++) {
				{
					std::shared_lock<std::shared_mutex> reader(shared);
					std::this_thread::yield();
				}
				std::unique_lock<std::shared_mutex> writer(shared);
				value++;
			}
		});
	for (auto &thread : threads)
		thread.join();
	printf("called %d, value %d\n", called, value);

	std::mutex mutex;
	std::condition_variable_any any;
	{
		std::jthread waits([&](std::stop_token stop) {
			std::unique_lock<std::mutex> guard(mutex);

			any.wait(guard, stop, [] { return false; });
			printf("asked to stop: %d\n", stop.stop_requested());
		});
	}

	int phases = 0;
	auto count = [&phases]() noexcept { phases++; };
	std::barrier barrier(4, count);
	std::counting_semaphore<4> permits(2);
	threads.clear();
	for (int i = 0; i < 4; i++)
		threads.emplace_back([&] {
			for (int k = 0; k < 20; k++) {
				barrier.arrive_and_wait();
				permits.acquire();
				std::this_thread::sleep_for(std::chrono::microseconds(50));
				permits.release();
			}
		});
	for (auto &thread : threads)
		thread.join();
	printf("phases %d\n", phases);
	return guest_done();
}
