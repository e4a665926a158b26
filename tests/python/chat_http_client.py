"""Users of chat_http.py, a thread each: they poll, talk, feed on a stream and go away.

    chat_http_client.py PORT [users]

Prints what came, in an order that is always the same.
"""

import http.client
import json
import socket
import sys
import threading
import time

port = int(sys.argv[1])
users = int(sys.argv[2]) if len(sys.argv) > 2 else 25


class Client:
    """One connection that is kept."""

    def __init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method, path, value=None):
        self.connection.request(method, path, None if value is None else json.dumps(value))
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.getheader("Content-Type") == "application/json":
            return reply.status, json.loads(body)
        return reply.status, body.decode()


def wait_until(true):
    while not true():
        time.sleep(0.02)


def start(count, function):
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


def joined(threads, results):
    for thread in threads:
        thread.join()
    return results


def everything(i):
    """Polls until it has a message of everybody and "bye"; in between it says its own."""
    client, texts = Client(), []
    path = f"/hall/poll?user=user{i:02d}"
    first = client.ask("GET", path)[1]  # all are there when this comes
    texts += first
    client.ask("POST", "/hall/put", {"user": f"user{i:02d}", "message": f"I am {i}"})
    while len(texts) < users + 1:
        texts += client.ask("GET", path)[1]
    numbers = [m["number"] for m in texts]
    said = sorted(m["message"] for m in texts[1:])
    return numbers == list(range(1, users + 2)) and said == sorted(f"I am {n}" for n in range(users))


def feed(i):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/feed/feed?user=reader{i}")
    reply = connection.getresponse()
    lines = [json.loads(line)["message"] for line in reply]
    return lines == [f"line {n}" for n in range(30)] + ["bye"]


main = Client()
print(main.ask("GET", "/"))
print(main.ask("GET", "/hall/nonsense"), main.ask("POST", "/hall/put", "nothing"), main.ask("GET", "/quiet"))

polls = start(users, everything)
wait_until(lambda: main.ask("GET", "/hall")[1]["polling"] == users)
print("all poll:", len(main.ask("GET", "/hall")[1]["users"]), "users")
print(main.ask("POST", "/hall/put", {"user": "host", "message": "welcome"}))
print("had everything in order:", joined(*polls).count(True), "of", users)

feeds = start(users, feed)
wait_until(lambda: len(main.ask("GET", "/feed")[1]["users"]) == users)
for n in range(30):
    main.ask("POST", "/feed/put", {"user": "host", "message": f"line {n}"})
main.ask("POST", "/feed/put", {"user": "host", "message": "bye"})
print("had the whole stream:", joined(*feeds).count(True), "of", users)

# Who comes late gets the backlog; who waits for nothing gets nothing, in time.
print([m["message"] for m in main.ask("GET", "/feed/poll?user=late")[1]])
print("after the time limit:", main.ask("GET", "/quiet/poll?user=x"))

# Who goes away while it polls disturbs nobody.
for n in range(5):
    with socket.create_connection(("127.0.0.1", port)) as gone:
        gone.sendall(b"GET /hall/poll?user=gone%d HTTP/1.1\r\nHost: x\r\n\r\n" % n)
wait_until(lambda: len(main.ask("GET", "/hall")[1]["users"]) == users + 5)
print(main.ask("POST", "/hall/put", {"user": "host", "message": "good night"}))
