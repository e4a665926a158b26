"""ThreadingHTTPServer and 30 urllib clients in one process: GET, POST with a large body, 404, a client that times out."""

import hashlib
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLIENTS = 30
BIG = bytes(range(256)) * 4096      # 1 MiB: more than a socket's buffers hold


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/big":
            self.reply(200, BIG)
        elif self.path == "/late":
            time.sleep(0.4)
            self.reply(200, b"late")
        elif self.path.startswith("/page/"):
            time.sleep(0.05)
            self.reply(200, self.path.encode())
        else:
            self.reply(404, b"not here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(200, hashlib.sha256(body).hexdigest().encode())

    def log_message(self, format, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionError:     # of the client that timed out
            pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever).start()
base = f"http://127.0.0.1:{server.server_address[1]}"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
results = [None] * CLIENTS


def client(number):
    with opener.open(f"{base}/page/{number}", timeout=20) as reply:
        page = reply.read().decode()
    with opener.open(f"{base}/big", timeout=20) as reply:
        big = reply.read() == BIG
    with opener.open(f"{base}/post", data=BIG + bytes([number]), timeout=20) as reply:
        posted = reply.read().decode() == hashlib.sha256(BIG + bytes([number])).hexdigest()
    try:
        opener.open(f"{base}/nothing", timeout=20)
        status = None
    except urllib.error.HTTPError as error:
        status = error.code
    results[number] = (page, big, posted, status)


clients = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
for thread in clients:
    thread.start()
for thread in clients:
    thread.join()
for result in results:
    print(result)

try:
    opener.open(f"{base}/late", timeout=0.1)
    print("the late page was not late")
except (TimeoutError, urllib.error.URLError) as error:
    print("timed out", "timed out" in str(error))
server.shutdown()
server.server_close()
print("threads", threading.active_count())
