"""A server in the plainest style, a thread for each connection: a line asks, a line answers.

    sum N...    their sum                  sleep S     after S seconds: slept
    bytes N     N letters x                count       how many SIGUSR1 have come

Prints "port N" when it serves; SIGTERM ends it.
"""

import _thread
import signal
import socketserver
import sys
import threading
import time

usr1 = 0


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            word, *args = line.decode().split()
            if word == "sum":
                answer = str(sum(map(int, args)))
            elif word == "sleep":
                time.sleep(float(args[0]))
                answer = "slept"
            elif word == "bytes":
                answer = "x" * int(args[0])
            else:
                answer = str(usr1)
            self.wfile.write(answer.encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 512
    daemon_threads = True
    allow_reuse_address = True

    def process_request(self, request, client_address):
        """Not by threading.Thread: its start() waits for the thread to say that it runs, for ever if that dies of a MemoryError
        first, natively as well."""
        _thread.start_new_thread(self.process_request_thread, (request, client_address))

    def handle_error(self, request, client_address):
        """A peer that resets its connection, or no memory for a thread: its connection ends, the others go on."""


def count(number, frame):
    global usr1
    usr1 += 1


def main():
    signal.signal(signal.SIGUSR1, count)
    threading.stack_size(256 * 1024)
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=server.shutdown).start())
        print("port", server.server_address[1], flush=True)
        server.serve_forever(poll_interval=0.2)


main()
