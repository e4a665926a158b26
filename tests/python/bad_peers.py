"""Peers as a server meets them: silent, slow, gone in the middle of a request or of an answer, with and without a reset.

    bad_peers.py PORT REQUEST END-OF-ANSWER [LARGE-REQUEST]

REQUEST and the others are written with \\r and \\n. What is asked properly meanwhile must be answered. A server that
answers LARGE-REQUEST meets peers that never read the answer as well. Prints how many were answered.
"""

import socket
import struct
import sys
import threading

port = int(sys.argv[1])
request, end, *large = (a.encode().decode("unicode_escape").encode() for a in sys.argv[2:])
EACH = 6
answered = []
problems = []


def dial():
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def half_close(s):
    s.shutdown(socket.SHUT_WR)
    s.close()


def ask(pieces, at_a_time=65536):
    with dial() as s:
        for piece in pieces:
            s.sendall(piece)
        answer = b""
        while end not in answer:
            data = s.recv(at_a_time)
            if not data:
                raise EOFError(answer)
            answer += data
    answered.append(1)


def leave(sent, how):
    s = dial()
    s.sendall(sent)
    if sent == request:
        s.recv(1)
    how(s)


def start(function, *args):
    def run():
        try:
            function(*args)
        except Exception as error:
            problems.append(f"{function.__name__}{args}: {error!r}")

    thread = threading.Thread(target=run)
    thread.start()
    return thread


silent = [dial() for _ in range(EACH)]
half = [dial() for _ in range(EACH)]
for s in half:
    s.sendall(request[: len(request) // 2])
unread = [dial() for _ in range(EACH if large else 0)]
for s in unread:
    s.sendall(large[0])

threads = []
for _ in range(EACH):
    for sent in b"", request[:1], request[: len(request) // 2], request[:-1], request:
        for how in reset, half_close, socket.socket.close:
            threads.append(start(leave, sent, how))
    threads.append(start(ask, [request]))
    threads.append(start(ask, [request[i : i + 1] for i in range(len(request))], 1))
for thread in threads:
    thread.join()

# The server has lost none of those who waited.
for s in half:
    s.sendall(request[len(request) // 2 :])
    data = b""
    while end not in data:
        data += s.recv(65536) or sys.exit("the second half of a request was not answered")
    s.close()
for s in silent[: EACH // 2] + unread:
    reset(s)
for s in silent[EACH // 2 :]:
    s.close()
print("answered", len(answered), "of", 2 * EACH, "and", len(half), "halves")
for problem in problems:
    print(problem)
