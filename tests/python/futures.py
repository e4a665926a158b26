"""concurrent.futures: a thread pool with map, as_completed, wait, timeouts, errors and cancelling; a process pool."""

import concurrent.futures as cf
import os
import threading
import time


def square(number):
    time.sleep(0.001 * (number % 7))
    return number * number


def fail(number):
    raise ValueError(f"number {number}")


def main():
    with cf.ThreadPoolExecutor(max_workers=24) as pool:
        print("map", sum(pool.map(square, range(200))))
        futures = {pool.submit(square, i): i for i in range(100)}
        print("as_completed", all(f.result() == futures[f] ** 2 for f in cf.as_completed(futures, timeout=20)))
        try:
            pool.submit(fail, 3).result()
        except ValueError as error:
            print("error", error)
        slow = pool.submit(threading.Event().wait, 0.5)
        try:
            slow.result(timeout=0.02)
        except TimeoutError:
            print("result timed out")
        fast = pool.submit(square, 2)
        done, pending = cf.wait([fast, slow], timeout=20, return_when=cf.FIRST_COMPLETED)
        print("first completed", fast in done)
        called = threading.Event()
        slow.add_done_callback(lambda future: called.set())
        print("callback", called.wait(20), slow.result())

    with cf.ThreadPoolExecutor(max_workers=1) as pool:
        gate = threading.Event()
        blocked = pool.submit(gate.wait, 20)
        waiting = [pool.submit(square, i) for i in range(5)]
        print("cancelled", [f.cancel() for f in waiting], blocked.cancel())
        gate.set()

    with cf.ProcessPoolExecutor(max_workers=3) as pool:
        print("processes", list(pool.map(square, range(20))), pool.submit(os.getppid).result() == os.getpid())
        try:
            pool.submit(fail, 9).result()
        except ValueError as error:
            print("error", error)


if __name__ == "__main__":
    main()
