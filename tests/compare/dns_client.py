"""Asks a DNS server on loopback: port [name]. Without a name: 200 names over UDP by 20 threads, some over TCP, one that
is forwarded and one that does not exist."""
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PORT = int(sys.argv[1])


def question(number, name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def meaning(number, reply):
    got, flags, _, answers = struct.unpack(">4H", reply[:8])
    if got != number:
        return "answer to another question"
    return socket.inet_ntoa(reply[-4:]) if answers else f"code {flags & 15}"


def by_udp(number, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect(("127.0.0.1", PORT))
        s.send(question(number, name))
        return meaning(number, s.recv(512))


def by_tcp(number, name):
    with socket.create_connection(("127.0.0.1", PORT), 10) as s:
        q = question(number, name)
        s.sendall(struct.pack(">H", len(q)) + q)
        f = s.makefile("rb")
        return meaning(number, f.read(struct.unpack(">H", f.read(2))[0]))


if len(sys.argv) > 2:
    for _ in range(200):
        if by_udp(1, sys.argv[2]) != "code 5":
            break
        time.sleep(0.05)    # it may not have read its files yet
    print(by_udp(1, sys.argv[2]))
else:
    with ThreadPoolExecutor(20) as pool:
        for ask in (by_udp, by_tcp):
            got = list(pool.map(lambda i: ask(i, f"host-{i}.test"), range(1, 201)))
            print(ask.__name__, sum(a == f"10.0.0.{i}" for i, a in enumerate(got, 1)), "right")
    print("forwarded", by_udp(5, "far.example"), by_tcp(6, "far.example"))
    print("unknown", by_udp(7, "nobody.example"), by_udp(8, "nobody.test"))
