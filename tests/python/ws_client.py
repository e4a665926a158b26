"""A WebSocket client that blocks, framing by hand, so that nothing is shared with the server's library (RFC 6455).

    ws_client.py PORT [connections]

Asks tests/apps/ws_server: text, binary data of every length of header, fragments, pings, many at once, closing.
"""

import base64
import hashlib
import os
import socket
import struct
import sys
import threading

port = int(sys.argv[1])
many = int(sys.argv[2]) if len(sys.argv) > 2 else 30
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.input = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.status = self.input.readline().decode().split()[1]
        headers = {}
        while (line := self.input.readline().strip()):
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert headers["sec-websocket-accept"] == base64.b64encode(digest).decode()
        assert self.receive() == (TEXT, b"welcome")

    def send(self, opcode, data, final=True):
        head = bytes([(0x80 if final else 0) | opcode])
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", len(data))
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", len(data))
        mask = os.urandom(4)
        masked = int.from_bytes(data, "big") ^ int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)], "big")
        self.socket.sendall(head + mask + masked.to_bytes(len(data), "big"))

    def exactly(self, count):
        data = self.input.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def receive(self):
        first, second = self.exactly(2)
        assert first & 0x80 and not second & 0x80, "a fragment or a mask from the server"
        length = second
        if length == 126:
            (length,) = struct.unpack(">H", self.exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.exactly(8))
        return first & 15, self.exactly(length)

    def ask(self, opcode, data):
        self.send(opcode, data)
        return self.receive()

    def close(self, code=1000, text=b""):
        """The bytes that come after a close frame of ours: the server's close frame, if it sends one, and the end."""
        self.send(CLOSE, struct.pack(">H", code) + text)
        rest = self.input.read()
        self.socket.close()
        return rest


first = WebSocket()
print(first.status, first.ask(TEXT, b"hello"), first.ask(TEXT, "größe".encode()))
for length in 0, 1, 125, 126, 127, 65535, 65536, 300000:
    data = bytes(i * 7 % 251 for i in range(length))
    print("binary", length, first.ask(BINARY, data) == (BINARY, data[::-1]))
print(first.ask(PING, b""), first.ask(PING, b"payload"))
first.send(PING, b"1")
first.send(TEXT, b"two")
first.send(PING, b"3")
print([first.receive() for _ in range(3)])
print("close", first.close(1000, b"done"))

# Many at once: each has a conversation with a slow answer in it; then one message goes to all.
ready = threading.Barrier(many)
results = [None] * many


def converse(i):
    try:
        ws = WebSocket()
        said = [ws.ask(TEXT, f"{i} says {n}".encode()) == (TEXT, f"{i} SAYS {n}".encode()) for n in range(20)]
        slow = ws.ask(TEXT, b"slowly")
        ready.wait(30)
        if i == 0:
            ws.send(TEXT, b"everybody: it is " + b"late" * 100)
        shout = ws.receive()
        ready.wait(30)
        end = ws.close()
        results[i] = sum(said), slow, shout[0], hashlib.sha1(shout[1]).hexdigest()[:8], end
    except Exception as error:
        results[i] = repr(error)
        ready.abort()


threads = [threading.Thread(target=converse, args=(i,)) for i in range(many)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for result in sorted(set(map(str, results))):
    print(sum(str(r) == result for r in results), "times", result)

# Who goes away without a word is forgotten.
gone = WebSocket()
gone.socket.shutdown(socket.SHUT_RDWR)
gone.socket.close()
last = WebSocket()
print(last.ask(TEXT, b"still there"), last.close())
