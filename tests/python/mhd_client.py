"""Asks tests/apps/mhd_server: many at once, streams, long polls, wrong requests.

    mhd_client.py PORT [connections]

Prints what came back, in an order that is always the same.
"""

import http.client
import sys
import threading
import time

port = int(sys.argv[1])
many = int(sys.argv[2]) if len(sys.argv) > 2 else 30


def ask(method, path, body=None, connection=None):
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    own.request(method, path, body)
    reply = own.getresponse()
    data = reply.read()
    headers = {k.lower() for k, v in reply.getheaders()} & {"content-length", "transfer-encoding"}
    if not connection:
        own.close()
    return reply.status, sorted(headers), data.decode()


def at_once(count, function):
    results = [None] * count

    def run(i):
        try:
            results[i] = function(i)
        except Exception as error:
            results[i] = repr(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def joined(started):
    for thread in started[0]:
        thread.join()
    return started[1]


print(ask("GET", "/hello"), ask("GET", "/nothing"), ask("DELETE", "/hello"))

# One connection that is kept.
kept = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
print([ask("GET", "/hello", connection=kept)[2] for _ in range(20)] == ["hello world\n"] * 20)

# The first line of a stream is there before the last is made.
kept.request("GET", "/stream?n=10&wait=20")
reply = kept.getresponse()
began = time.monotonic()
first = reply.readline()
first_after = time.monotonic() - began
rest = reply.read()
print(first, rest.count(b"\n"), "streamed" if time.monotonic() - began - first_after > 0.1 else "came at once")
kept.close()

# Streams at the same time.
expected = (200, ["transfer-encoding"], "".join(f"line {i} of 15\n" for i in range(1, 16)))
print("streams", sum(r == expected for r in joined(at_once(many, lambda i: ask("GET", "/stream?n=15&wait=20")))))

# Long polls: all wait, then a message comes, and all have it. What else is asked meanwhile is answered.
polls = at_once(many, lambda i: ask("GET", "/poll?after=0"))
while ask("GET", "/polling")[2] != f"{many}\n":
    time.sleep(0.02)
print(ask("GET", "/hello"), "meanwhile", sum(t.is_alive() for t in polls[0]), "wait")
print(ask("POST", "/messages", "the first"))
print("polls", sum(r == (200, ["content-length"], "1 the first\n") for r in joined(polls)))

# A large body, and as many posts as polls.
print(ask("POST", "/messages", "x" * 300000))
posts = joined(at_once(many, lambda i: ask("POST", "/messages", f"from {i:03d}")))
print("posted", sorted(r[2] for r in posts) == sorted(f"message {i}\n" for i in range(3, 3 + many)))
status, headers, text = ask("GET", "/poll?after=2")
print(status, sorted(line.split(" ", 1)[1] for line in text.splitlines()) == [f"from {i:03d}" for i in range(many)])
print(len(ask("GET", "/poll?after=1")[2].splitlines()))
