"""queue: a pipeline of producers, workers and one collector over bounded queues, and the timeouts of get and put."""

import queue
import threading
import time

todo = queue.Queue(maxsize=8)
done = queue.SimpleQueue()
PRODUCERS, WORKERS, ITEMS = 5, 20, 100


def produce(number):
    for i in range(ITEMS):
        todo.put((number, i))


def work():
    while True:
        item = todo.get()
        if item is None:
            todo.task_done()
            return
        number, i = item
        if i % 25 == 0:
            time.sleep(0.001)
        done.put(number * 1000 + i * i)
        todo.task_done()


producers = [threading.Thread(target=produce, args=(i,)) for i in range(PRODUCERS)]
workers = [threading.Thread(target=work) for _ in range(WORKERS)]
for thread in workers + producers:
    thread.start()
results = [done.get(timeout=20) for _ in range(PRODUCERS * ITEMS)]
for thread in producers:
    thread.join()
for _ in workers:
    todo.put(None)
todo.join()
for thread in workers:
    thread.join()
print("results", len(results), "sum", sum(results), "left", todo.qsize(), done.qsize())

small = queue.Queue(maxsize=1)
began = time.monotonic()
try:
    small.get(timeout=0.05)
except queue.Empty:
    print("get timed out, not too early", time.monotonic() - began >= 0.05)
small.put(1)
try:
    small.put(2, timeout=0.05)
except queue.Full:
    print("put timed out")

ordered = queue.PriorityQueue()
feeders = [threading.Thread(target=lambda n=n: [ordered.put(n + 10 * i) for i in range(20)]) for n in range(10)]
for thread in feeders:
    thread.start()
for thread in feeders:
    thread.join()
print("priority", [ordered.get() for _ in range(200)] == list(range(200)))

last = queue.LifoQueue()
threading.Timer(0.02, last.put, ["from a timer"]).start()
print("lifo", last.get(timeout=20))
