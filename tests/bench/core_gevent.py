#!/usr/bin/python3
"""core_gevent.py NAME [COUNT]: what tests/bench/core_NAME.c does, with gevent; prints the same line."""

import os
import sys
import time

import gevent
import gevent.event
import gevent.lock
import gevent.queue


def cpu_ns():
    return time.clock_gettime_ns(time.CLOCK_THREAD_CPUTIME_ID)


def report(start, count):
    print(f"ns {(cpu_ns() - start) / count:.2f}", flush=True)


def yielder(rounds):
    sleep = gevent.sleep
    for _ in range(rounds):
        sleep(0)


def switch(count=200000):
    greenlets = [gevent.spawn(yielder, count // 2) for _ in range(2)]
    start = cpu_ns()
    gevent.joinall(greenlets)
    report(start, count)


def spawn(count=50000):
    def nothing():
        pass

    start = cpu_ns()
    for _ in range(count):
        gevent.spawn(nothing).join()
    report(start, count)


def queue(count=100000):
    q = [gevent.queue.Queue(), gevent.queue.Queue()]

    def player(me):
        for _ in range(count // 2):
            q[1 - me].put(q[me].get())

    q[0].put(1)
    start = cpu_ns()
    gevent.joinall([gevent.spawn(player, i) for i in range(2)])
    report(start, count)


def bounded(count=100000):
    q = gevent.queue.Queue(1)

    def getter():
        for _ in range(count):
            q.get()

    def putter():
        for i in range(count):
            q.put(i)

    start = cpu_ns()
    gevent.joinall([gevent.spawn(getter), gevent.spawn(putter)])
    report(start, count)


def semaphore(count=100000):
    turn = [gevent.lock.Semaphore(1), gevent.lock.Semaphore(0)]

    def player(me):
        for _ in range(count // 2):
            turn[me].acquire()
            turn[1 - me].release()

    start = cpu_ns()
    gevent.joinall([gevent.spawn(player, i) for i in range(2)])
    report(start, count)


def memory_kib():
    with open("/proc/self/status", encoding="ascii") as status:
        return sum(int(line.split()[1]) for line in status if line.startswith(("VmRSS:", "VmPTE:")))


def parked(count=100000):
    never = gevent.event.Event()
    before = memory_kib()
    start = cpu_ns()
    greenlets = [gevent.spawn(never.wait) for _ in range(count)]
    gevent.sleep(0)
    report(start, count)
    print(f"kib {(memory_kib() - before) / len(greenlets):.3f}", flush=True)
    os._exit(0)


def timers(count=100000, sleepers=100000):
    sleeping = [gevent.spawn(gevent.sleep, 3600 + i * 1e-9) for i in range(sleepers)]
    gevent.sleep(0)
    greenlets = [gevent.spawn(yielder, count // 2) for _ in range(2)]
    start = cpu_ns()
    gevent.joinall(greenlets)
    report(start, count)
    os._exit(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*map(int, sys.argv[2:]))
