"""threading: locks, conditions, events, semaphores, barriers, timers, thread-local data and join, with 40 threads."""

import threading
import time

THREADS = 40

# A lock that is held across a sleep, a counter, and thread-local data that must not be mixed up.
lock = threading.Lock()
local = threading.local()
counter = 0
wrong_local = 0


def count(number):
    global counter, wrong_local
    local.number = number
    for _ in range(50):
        with lock:
            counter += 1
        if local.number != number:
            wrong_local += 1
    with lock:
        time.sleep(0.001)
        before = counter
        time.sleep(0.001)
        counter += before == counter


threads = [threading.Thread(target=count, args=(i,)) for i in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("lock", counter, "wrong thread-local values", wrong_local)

# A condition handed from one thread to the next, in order.
condition = threading.Condition()
turn = 0
order = []


def wait_for_turn(number):
    global turn
    with condition:
        condition.wait_for(lambda: turn == number)
        order.append(number)
        turn += 1
        condition.notify_all()


threads = [threading.Thread(target=wait_for_turn, args=(i,)) for i in reversed(range(THREADS))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("condition", order == list(range(THREADS)))

# An event wakes everyone; a wait with a timeout gives up.
event = threading.Event()
print("event timed out", event.wait(0.05))
woken = []
threads = [threading.Thread(target=lambda: woken.append(event.wait(10))) for _ in range(THREADS)]
for thread in threads:
    thread.start()
event.set()
for thread in threads:
    thread.join()
print("event woke", woken.count(True))

# A semaphore lets three in at a time.
semaphore = threading.Semaphore(3)
inside = most = 0


def enter():
    global inside, most
    with semaphore:
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.002)
        with lock:
            inside -= 1


threads = [threading.Thread(target=enter) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("semaphore", most)

# A barrier, three rounds; exactly one thread of each round is told to be the serial one.
barrier = threading.Barrier(THREADS)
serial = []


def rounds():
    for number in range(3):
        if barrier.wait(20) == 0:
            serial.append(number)


threads = [threading.Thread(target=rounds) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("barrier", serial)

# A timer, one that is cancelled, join with a timeout, thread ids and a daemon thread.
fired = threading.Event()
timer = threading.Timer(0.02, fired.set)
timer.start()
cancelled = threading.Timer(30, print, ["the timer should have been cancelled"])
cancelled.start()
cancelled.cancel()
cancelled.join(10)
print("timer", fired.wait(10), "cancelled", not cancelled.is_alive())

release = threading.Event()
sleeper = threading.Thread(target=release.wait)
sleeper.start()
sleeper.join(0.05)
print("join timed out", sleeper.is_alive())
idents = {threading.get_ident(), sleeper.ident, threading.get_native_id(), sleeper.native_id}
print("different ids", len({threading.get_native_id(), sleeper.native_id}), len(idents))
release.set()
sleeper.join()
print("alive", sleeper.is_alive(), "threads", threading.active_count())

# A thread that spins on a variable: somebody else has to get the processor.
go = False


def spin():
    while not go:
        pass


spinner = threading.Thread(target=spin)
spinner.start()
time.sleep(0.02)
go = True
spinner.join(20)
print("spinner ended", not spinner.is_alive())

threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
print("ends with a daemon thread asleep")
