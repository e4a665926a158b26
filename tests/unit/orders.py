#!/usr/bin/python3
"""Records in which order real gevent does things, for tests/unit/orders.h.

A scenario is an object and a few greenlets, a, b, c ..., each with a script of one-letter operations, in this notation:
"KIND script script ...". The orders in the tests were printed by this program:

    orders.py "e w w s"             runs scenarios and prints each with its trace
    orders.py -r KIND COUNT SEED    the same for random ones

KINDs, and their operations besides y (sleep(0)), z (sleep for 40 ms), kX (kill X without waiting):
    e   Event: w wait, t wait for 15 ms, s set, c clear
    r   AsyncResult: g get, t get within 15 ms, w wait, s set, x set_exception
    0 1 2 ...   Semaphore of that value: a acquire, t acquire within 15 ms, n acquire without waiting, r release, w wait
    l   RLock: a, t, n, r as for a semaphore
    c   Condition of an RLock: a acquire, r release, w wait, t wait for 15 ms, n notify, N notify all
    b2 b3 ...   Barrier: w wait, t wait for 15 ms, r reset, x abort
The trace: each operation as it begins (aw), its result if it has one: + or - (it came, or not), a number, / (broken),
! (killed: the script ends), and at the end ? for each greenlet that still waits.
"""
import random
import sys
import gevent
from gevent import monkey
monkey.patch_all()
import threading  # noqa: E402
from gevent.event import AsyncResult, Event  # noqa: E402
from gevent.lock import RLock, Semaphore  # noqa: E402

SHORT, LONG = 0.015, 0.04


def came(is_so):
    return '+' if is_so else '-'


def event_op(e, op):
    if op in 'wt':
        return came(e.wait(SHORT if op == 't' else None))
    return {'s': e.set, 'c': e.clear}[op]()


def result_op(r, op):
    if op in 'gt':
        try:
            return str(r.get(timeout=SHORT if op == 't' else None))
        except gevent.Timeout:
            return '-'
        except KeyError:
            return '/'
    if op == 'w':
        r.wait()
        return '+'
    return r.set(5) if op == 's' else r.set_exception(KeyError('no'))


def semaphore_op(s, op):
    if op == 'w':
        return str(s.wait())
    if op == 'r':
        return s.release() and None
    return came({'a': s.acquire, 't': lambda: s.acquire(timeout=SHORT), 'n': lambda: s.acquire(blocking=False)}[op]())


def condition_op(c, op):
    if op == 'a':
        return came(c.acquire())
    if op in 'wt':
        return came(c.wait(SHORT if op == 't' else None))
    return {'r': c.release, 'n': c.notify, 'N': c.notify_all}[op]()


def barrier_op(b, op):
    if op in 'wt':
        try:
            return str(b.wait(SHORT if op == 't' else None))
        except threading.BrokenBarrierError:
            return '/'
    return {'r': b.reset, 'x': b.abort}[op]()


def make(kind):
    if kind.isdigit():
        return Semaphore(int(kind)), semaphore_op
    if kind[0] == 'b':
        # With a plain lock a condition finds out by trying whether it is its own, and a try that fails yields in gevent.
        b = threading.Barrier(int(kind[1:]))
        b._cond = threading.Condition(threading.RLock())
        return b, barrier_op
    return {'e': lambda: (Event(), event_op), 'r': lambda: (AsyncResult(), result_op), 'l': lambda: (RLock(), semaphore_op),
            'c': lambda: (threading.Condition(), condition_op)}[kind]()


def run(scenario):
    kind, *scripts = scenario.split()
    thing, operate = make(kind)
    trace, all_of_them = [], []

    def body(name, script):
        ops = iter(script)
        try:
            for op in ops:
                trace.append(name + op)
                if op in 'yz':
                    gevent.sleep(0 if op == 'y' else LONG)
                elif op == 'k':
                    all_of_them[ord(next(ops)) - ord('a')].kill(block=False)
                else:
                    result = operate(thing, op)
                    if result is not None:
                        trace.append(name + result)
        except gevent.GreenletExit:
            trace.append(name + '!')
        except RuntimeError:
            trace.append(name + '#')

    for i, script in enumerate(scripts):
        all_of_them.append(gevent.spawn(body, chr(ord('a') + i), script))
    if any(op in scenario for op in 'zt'):
        gevent.sleep(4 * LONG)
    for _ in range(80):
        gevent.sleep(0)
    for i, g in enumerate(all_of_them):
        if not g.ready():
            trace.append(chr(ord('a') + i) + '?')
    text = ' '.join(trace)
    gevent.killall(all_of_them, block=False)
    gevent.sleep(0)
    return text


WORDS = {
    'e': ['w', 'w', 'w', 's', 's', 'c', 'y', 'y', 'k'],
    'r': ['g', 'g', 'w', 'w', 's', 'x', 'y', 'y', 'k'],
    's': ['a', 'a', 'n', 'r', 'r', 'y', 'y', 'w', 'k'],
    'l': ['ar', 'aryar', 'ayr', 'aayrr', 'ayrayr', 'n', 'y', 'y', 'k'],
    'c': ['awr', 'awr', 'awyr', 'anr', 'aNr', 'annr', 'anryanr', 'anywr', 'aawrr', 'aNyr', 'y', 'y'],
    'b': ['w', 'w', 'w', 'w', 'y', 'y', 'y', 'r', 'x', 'k'],
}


def chance(kind):
    if kind == 's':
        kind = random.choice('0123')
    if kind == 'b':
        kind = random.choice(['b1', 'b2', 'b3'])
    words = WORDS['s' if kind.isdigit() else kind[0]]
    names = random.randint(2, 7)
    scripts = []
    for i in range(names):
        script = ''
        for _ in range(random.randint(1, 5)):
            word = random.choice(words)
            if word == 'k':
                victim = random.randrange(names)
                word = 'k' + chr(ord('a') + victim) if victim != i else 'y'
            script += word
        scripts.append(script)
    return ' '.join([kind] + scripts)


if sys.argv[1] == '-r':
    random.seed(int(sys.argv[4]))
    for _ in range(int(sys.argv[3])):
        one = chance(sys.argv[2])
        print('%s: %s' % (one, run(one)))
else:
    for one in sys.argv[1:]:
        print('%s: %s' % (one, run(one)))
