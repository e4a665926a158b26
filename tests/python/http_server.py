"""Python's own ThreadingHTTPServer: one thread for each connection, and every request blocks for a while.

    http_server.py [seconds each request sleeps]

Prints "port N" when it listens. Stops on SIGTERM and prints how many requests it served and how many it had at once.
"""

import hashlib
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DELAY = float(sys.argv[1]) if len(sys.argv) > 1 else 0.2

lock = threading.Lock()
served = inside = most = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global served, inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(DELAY)
        body = (hashlib.sha256(self.path.encode()).hexdigest() * 16).encode()
        with lock:
            inside -= 1
            served += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024


def stop(signum, frame):
    raise SystemExit(0)


signal.signal(signal.SIGTERM, stop)
with Server(("127.0.0.1", 0), Handler) as server:
    print("port", server.server_address[1], flush=True)
    try:
        server.serve_forever()
    finally:
        print("served", served)
        print("at-once", most, flush=True)
