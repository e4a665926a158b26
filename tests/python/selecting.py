"""selectors: an echo server on each kind of selector (select, poll, epoll), with 25 blocking clients as threads."""

import os
import selectors
import socket
import threading
import time

CLIENTS, MESSAGES = 25, 10


def serve(kind, ready, ports, echoed):
    selector = kind()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    ports.append(listener.getsockname()[1])
    ready.set()
    finished = 0
    while finished < CLIENTS:
        for key, _ in selector.select(timeout=20):
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ)
                continue
            data = key.fileobj.recv(4096)
            if data:
                key.fileobj.sendall(data)
                echoed.append(len(data))
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                finished += 1
    selector.close()
    listener.close()


def client(port, number, wrong):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        for i in range(MESSAGES):
            message = f"client {number} message {i}".encode()
            sock.sendall(message)
            received = b""
            while len(received) < len(message):
                data = sock.recv(4096)
                if not data:
                    break
                received += data
            if received != message:
                wrong.append((number, i))


for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
    ready, ports, echoed, wrong = threading.Event(), [], [], []
    server = threading.Thread(target=serve, args=(kind, ready, ports, echoed))
    server.start()
    ready.wait(20)
    clients = [threading.Thread(target=client, args=(ports[0], i, wrong)) for i in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    server.join()
    print(kind.__name__, "echoed", sum(echoed), "wrong", wrong)

    # Nothing ready, a timeout; then a pipe that another thread writes to, while a third one waits elsewhere.
    with kind() as selector:
        reader, writer = os.pipe()
        selector.register(reader, selectors.EVENT_READ, "pipe")
        began = time.monotonic()
        print("  nothing", selector.select(0.05), "not too early", time.monotonic() - began >= 0.049)
        print("  zero", selector.select(0))
        threading.Timer(0.05, os.write, (writer, b"x")).start()
        print("  then", [key.data for key, _ in selector.select(20)], os.read(reader, 10))
        os.close(writer)
        print("  end", [key.data for key, _ in selector.select(20)], os.read(reader, 10))
        selector.unregister(reader)
        os.close(reader)
