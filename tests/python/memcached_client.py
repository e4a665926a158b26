"""Threads that block on sockets: each stores, reads back, counts and deletes in a memcached server.

    memcached_client.py PORT [threads] [rounds]

Prints what came back, summed up over all threads so that it does not depend on their order.
"""

import hashlib
import socket
import sys
import threading

port = int(sys.argv[1])
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 40
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 100
digests = [None] * threads
wrong = []


def value_of(number, i):
    return hashlib.sha256(f"{number} {i}".encode()).digest() * (1 + (number * i) % 200)


def client(number):
    digest = hashlib.sha256()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock, sock.makefile("rwb") as stream:

        def ask(request):
            stream.write(request)
            stream.flush()
            return stream.readline()

        def get(key):
            header = ask(f"get {key}\r\n".encode())
            if header == b"END\r\n":
                return None
            body = stream.read(int(header.split()[3]) + 2)[:-2]
            stream.readline()
            return body

        for i in range(rounds):
            key, value = f"k{number}.{i}", value_of(number, i)
            answers = [ask(b"set %s 0 0 %d\r\n%s\r\n" % (key.encode(), len(value), value))]
            body = get(key)
            if body != value:
                wrong.append(key)
            digest.update(body or b"")
            answers.append(ask(b"incr shared 1\r\n").strip().isdigit())
            if i % 3 == 0:
                answers.append(ask(f"delete {key}\r\n".encode()))
                answers.append(get(key))
            digest.update(repr(answers).encode())
    digests[number] = digest.hexdigest()


with socket.create_connection(("127.0.0.1", port), timeout=30) as control:
    control.sendall(b"set shared 0 0 1\r\n0\r\n")
    control.recv(100)
    workers = [threading.Thread(target=client, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    control.sendall(b"get shared\r\n")
    print("shared counter", control.recv(100).split()[4].decode())
print("wrong", wrong)
print("finished", sum(d is not None for d in digests))
print("sha256", hashlib.sha256("".join(map(str, digests)).encode()).hexdigest())
sys.exit(1 if wrong or None in digests else 0)
