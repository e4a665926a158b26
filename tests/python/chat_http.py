"""A chat with long polling, as the gevent tutorial's, on Python's own ThreadingHTTPServer: a thread for each request.

    GET  /                     a page
    GET  /ROOM                 the names of who is there, JSON
    POST /ROOM/put             {"user": NAME, "message": TEXT}; answers {"messages": N}
    GET  /ROOM/poll?user=NAME  waits for messages that NAME has not had, answers them as a list; [] after POLL seconds
    GET  /ROOM/feed?user=NAME  the same without end: a line of JSON for each message, until "bye" has been said

Prints "port N" when it listens. Stops on SIGTERM, and prints what it did.
"""

import json
import queue
import signal
import sys
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

POLL = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
BACKLOG = 5


class Room:
    def __init__(self):
        self.lock = threading.Lock()
        self.users = {}
        self.messages = []

    def subscribe(self, name):
        with self.lock:
            if name not in self.users:
                self.users[name] = queue.Queue()
                for message in self.messages[-BACKLOG:]:
                    self.users[name].put(message)
            return self.users[name]

    def add(self, name, text):
        with self.lock:
            message = {"number": len(self.messages) + 1, "user": name, "message": text}
            self.messages.append(message)
            for waiting in self.users.values():
                waiting.put(message)
            return len(self.messages)


rooms = defaultdict(Room)
lock = threading.Lock()
polling = most_polling = 0


def room(name):
    with lock:
        return rooms[name]


def count_poll(change):
    global polling, most_polling
    with lock:
        polling += change
        most_polling = max(most_polling, polling)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value, status=200, kind="application/json"):
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        name, _, action = url.path[1:].partition("/")
        user = parse_qs(url.query).get("user", ["guest"])[0]
        if not name:
            self.answer("<!doctype html><title>chat</title><h1>Rooms</h1>", kind="text/html")
        elif action == "poll":
            self.poll(room(name).subscribe(user))
        elif action == "feed":
            self.feed(room(name).subscribe(user))
        elif not action:
            with room(name).lock:
                names = sorted(room(name).users)
            with lock:
                self.answer({"users": names, "polling": polling})
        else:
            self.answer({"error": "no such page"}, 404)

    def do_POST(self):
        name, _, action = self.path[1:].partition("/")
        try:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text, user = said["message"], said["user"]
        except (ValueError, KeyError, TypeError):
            self.answer({"error": "what was said is not understood"}, 400)
            return
        if action == "put":
            self.answer({"messages": room(name).add(user, text)})
        else:
            self.answer({"error": "no such page"}, 404)

    def poll(self, waiting):
        messages = []
        count_poll(1)
        try:
            messages.append(waiting.get(timeout=POLL))
            while True:
                messages.append(waiting.get_nowait())
        except queue.Empty:
            pass
        count_poll(-1)
        self.answer(messages)

    def feed(self, waiting):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        text = None
        while text != "bye":
            message = waiting.get()
            text = message["message"]
            line = (json.dumps(message) + "\n").encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # the client went away
            super().handle_error(request, client_address)


def stop(signum, frame):
    raise SystemExit(0)


signal.signal(signal.SIGTERM, stop)
with Server(("127.0.0.1", 0), Handler) as server:
    print("port", server.server_address[1], flush=True)
    try:
        server.serve_forever()
    finally:
        print(sum(len(r.messages) for r in rooms.values()), "messages in", len(rooms), "rooms")
        print("at most", most_polling, "polled at once", flush=True)
