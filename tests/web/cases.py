#!/usr/bin/python3
"""Clients that misbehave, or behave: each case talks to a server (tests/web/serve.c) by raw sockets.

    cases.py HOST:PORT CASE,CASE... PID [CERTIFICATE]

PID is the server's; with its certificate everything goes through TLS. After each case the server must have as many greenlets
and descriptors as before, and with ROUNDS=n in the environment after n rounds of them as much memory as after the first. Exit status 0 when what was expected came; otherwise says what came.
"""
import os
import resource
import select
import socket
import ssl
import struct
import sys
import threading
import time

HOST, PORT = sys.argv[1].rsplit(':', 1)
PORT = int(PORT)
TLS = ssl.create_default_context(cafile=sys.argv[4]) if sys.argv[4:] else None


def connect(timeout=10, room=0, plain=False):
    """room: for what was received, in bytes."""
    s = socket.socket()
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.settimeout(timeout)
    s.connect((HOST, PORT))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # An end without a word is an error, as a reset is.
    return TLS.wrap_socket(s, server_hostname=HOST, suppress_ragged_eofs=False) if TLS and not plain else s


def read_all(s):
    data = b''
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return data
            data += more
    except (ConnectionResetError, ssl.SSLEOFError):
        return data


def exchange(request, shut=False):
    """Everything that comes until the server closes."""
    with connect() as s:
        s.sendall(request)
        if shut:
            s.shutdown(socket.SHUT_WR)
        return read_all(s)


def answers(data):
    """The answers in a stream: a list of (status, headers, body)."""
    found = []
    while data:
        head, sep, data = data.partition(b'\r\n\r\n')
        assert sep, 'an answer without an end: %r' % head[:200]
        lines = head.decode('latin-1').split('\r\n')
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(':')
            headers[name.strip().lower()] = value.strip()
        if status == 100:
            found.append((status, headers, b''))
            continue
        if headers.get('transfer-encoding') == 'chunked':
            body = b''
            while True:
                size, _, data = data.partition(b'\r\n')
                n = int(size, 16)
                body += data[:n]
                data = data[n + 2:]
                if not n:
                    break
        else:
            n = int(headers.get('content-length', 0))
            body, data = data[:n], data[n:]
        found.append((status, headers, body))
    return found


def statuses(request, **more):
    return [a[0] for a in answers(exchange(request, **more))]


def expect(came, wanted, what=''):
    if came != wanted:
        sys.exit('%s: expected %r, came %r' % (what, wanted, came))


def get(path, more='', close=True):
    return ('GET %s HTTP/1.1\r\nHost: x\r\n%s%s\r\n' % (path, more, 'Connection: close\r\n' if close else '')).encode()


def fetch(path):
    return answers(exchange(get(path)))[0]


def is_alive():
    expect(fetch('/')[2], b'hello world\n', 'after that')


def until(condition, what, limit=10):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            sys.exit('within %d s: expected %s' % (limit, what))
        time.sleep(0.01)


def resident():
    """KiB of the server."""
    with open('/proc/%s/status' % sys.argv[3]) as f:
        return [int(line.split()[1]) for line in f if line.startswith('VmRSS')][0]


def left():
    """Greenlets and descriptors of the server."""
    return fetch('/left')[2].split()


# ---- what a good client sees ---------------------------------------------------------


def case_pipelining():
    three = get('/', close=False) + get('/stream?n=2', close=False) + get('/')
    came = answers(exchange(three))
    expect([a[0] for a in came], [200, 200, 200])
    expect([a[2] for a in came], [b'hello world\n', b'piece 0\npiece 1\n', b'hello world\n'])
    expect([a[1].get('connection') for a in came], [None, None, 'close'])
    many = get('/', close=False) * 500 + get('/')
    expect(len(answers(exchange(many))), 501)


def case_keep_alive():
    expect(statuses(b'GET / HTTP/1.0\r\n\r\n'), [200])
    came = answers(exchange(b'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n'))
    expect([a[1].get('connection') for a in came], ['keep-alive', 'close'])
    data = exchange(b'GET /stream?n=1 HTTP/1.0\r\n\r\n')
    expect(b'chunked' in data.lower(), False, 'HTTP/1.0')
    expect(data.endswith(b'\r\n\r\npiece 0\n'), True, 'HTTP/1.0')


def case_head():
    came = exchange(b'HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(b'Content-Length: 12\r\n' in came and came.endswith(b'\r\n\r\n'), True, came)
    came = exchange(b'HEAD /stream?n=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(came.count(b'HTTP/1.1') == 1 and came.endswith(b'\r\n\r\n'), True, came)


def case_bodies():
    post = 'POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
    expect(answers(exchange((post + 'Content-Length: 5\r\n\r\nhello').encode()))[0][2], b'hello')
    expect(answers(exchange((post + 'Content-Length: 0\r\n\r\n').encode()))[0][2], b'')
    chunks = '5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n'
    for step in (1, 3, 1000):
        with connect() as s:
            data = (post + 'Transfer-Encoding: chunked\r\n\r\n' + chunks).encode()
            for i in range(0, len(data), step):
                s.sendall(data[i:i + step])
            expect(answers(read_all(s))[0][2], b'hello0123456789', 'in steps of %d' % step)


def case_continue():
    with connect() as s:
        s.sendall(b'POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n')
        expect(s.recv(1000), b'HTTP/1.1 100 Continue\r\n\r\n')
        s.sendall(b'abc')
        expect(answers(read_all(s))[0][2], b'abc')
    # A handler that does not want the body: no 100, and the connection ends.
    expect(statuses(b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n', shut=True), [200])
    expect(statuses(b'POST / HTTP/1.1\r\nHost: x\r\nExpect: else\r\nContent-Length: 3\r\n\r\n'), [417])


def case_unread_bodies():
    """A body that the handler leaves is passed over, if it is not much."""
    body = b'x' * 5000
    request = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n' + body
    expect(statuses(request + get('/')), [200, 200])
    big = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n' + b'x' * 900000
    expect(statuses(big + get('/')), [200])


def case_forms_and_headers():
    expect(fetch('/query?b=1&a=x%20y+z%26')[2], b'x y z&')
    expect(fetch('/query?a=%00')[0], 400)
    expect(fetch('/query?a=%zz')[0], 400)
    expect(fetch('/query?b=1')[2], b'none\n')
    expect(answers(exchange(get('/header?name=x-Some', 'X-SOME:  a value \r\n')))[0][2], b'a value')
    expect(fetch('/path/%41%2e%20b')[2], b'/path/A. b')
    expect(answers(exchange(b'GET http://x/path?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))[0][2], b'/path')


def case_handler_errors():
    expect([fetch(p)[0] for p in ('/fail', '/die', '/nothing')], [500, 500, 500])
    data = exchange(get('/cut'))
    expect(b'half' in data and not data.endswith(b'0\r\n\r\n'), True, data)
    is_alive()


def case_cut():
    """An answer whose end is that of the connection, and that is cut: the connection does not end in peace."""
    for path in ('/cut', '/cut?die=1'):
        with connect() as s:
            s.sendall(('GET %s HTTP/1.0\r\n\r\n' % path).encode())
            data = b''
            try:
                while True:
                    more = s.recv(4096)
                    if not more:
                        sys.exit('%s: it looks whole: %r' % (path, data))
                    data += more
            except (ConnectionResetError, ssl.SSLEOFError):
                pass
    is_alive()


def case_byte_by_byte():
    with connect() as s:
        for b in get('/'):
            s.send(bytes([b]))
        expect(answers(read_all(s))[0][2], b'hello world\n')


# ---- what is refused -----------------------------------------------------------------------


def case_malformed():
    host = b'Host: x\r\n'
    for request, status in (
            (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\r\n' * 5, 400),
            (b'GET / HTTP/1.1\r\n\r\n', 400),                                   # no host
            (b'GET / HTTP/1.1\r\n' + host + host + b'\r\n', 400),
            (b'GET  / HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'GET /a b HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'GET /\x80 HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'GET /%00 HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'GET /%4 HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'GET path HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'GET * HTTP/1.1\r\n' + host + b'\r\n', 400),
            (b'BREW / HTTP/1.1\r\n' + host + b'\r\n', 501),
            (b'CONNECT x:1 HTTP/1.1\r\n' + host + b'\r\n', 501),
            (b'GET / HTTP/2.0\r\n' + host + b'\r\n', 505),
            (b'GET / HTTP/9.9\r\n' + host + b'\r\n', 505),
            (b'GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nHost: x\r\nName : y\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nHost: x\r\nName: a\x00b\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nHost: x\r\nName: a\x01b\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nHost: x\r\nName\r\n\r\n', 400)):
        expect(statuses(request), [status], request[:60])
    is_alive()


def case_smuggling():
    """Nothing behind the first request is ever taken for a second one."""
    inner = b'GET /path/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    post = b'POST /echo HTTP/1.1\r\nHost: x\r\n'
    chunked = b'Transfer-Encoding: chunked\r\n'
    for request, status in (
            (post + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: 5, 5\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: +5\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: -5\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: 0x5\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: 5 5\r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: \r\n\r\nhello' + inner, 400),
            (post + b'Content-Length: 99999999999999999999\r\n\r\n' + inner, 400),
            (post + b'Content-Length: 4\r\n' + chunked + b'\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'Content-Length: 4\r\n\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + chunked + b'\r\n0\r\n\r\n' + inner, 400),
            (post + b'Transfer-Encoding: identity\r\n\r\n' + inner, 501),
            (post + b'Transfer-Encoding: gzip\r\n\r\n' + inner, 501),
            (post + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n' + inner, 501),
            (post + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n' + inner, 400),
            (post + b'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n' + inner, 400),
            (post + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n' + inner, 400),
            (post + b'Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n' + inner, 400),
            (post + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + inner, 501),
            (post + b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n' + inner, 400),
            (b'POST /echo HTTP/1.0\r\nHost: x\r\n' + chunked + b'\r\n0\r\n\r\n' + inner, 400),
            (post + b'X: y\nContent-Length: 5\r\n\r\nhello' + inner, 400),          # bare LF
            (post + b'X: y\rContent-Length: 5\r\n\r\nhello' + inner, 400),          # bare CR
            (post + b'X: y\r\r\nContent-Length: 5\r\n\r\nhello' + inner, 400),
            (b'POST /echo HTTP/1.1\nHost: x\nContent-Length: 0\n\n' + inner, 400),
            (post + b'X: y\r\n folded\r\nContent-Length: 0\r\n\r\n' + inner, 400),
            (b'\nGET / HTTP/1.1\r\nHost: x\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n5\rXhello\r\n0\r\n\r\n' + inner, 400),           # chunks
            (post + chunked + b'\r\n5\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n5\r\nhelloXX0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n5\r\nhello\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n 5\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n5 \r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n0x5\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n+5\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n-1\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n10000000000000005\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n5;a=\x0ab\r\nhello\r\n0\r\n\r\n' + inner, 400),
            (post + chunked + b'\r\n0\r\nTrailer: a\nb: c\r\n\r\n' + inner, 400)):
        came = exchange(request)
        expect([a[0] for a in answers(came)], [status], request[20:90])
        expect(b'smuggled' in came, False, request[20:90])
    is_alive()


def case_too_much():
    expect(statuses(get('/' + 'a' * 9000)), [414], 'target')
    expect(statuses(b'GET /' + b'a' * 100000), [414], 'endless target')
    expect(statuses(get('/', 'X: %s\r\n' % ('a' * 20000))), [431], 'field')
    expect(statuses(get('/', 'X: y\r\n' * 200)), [431], 'count')
    expect(statuses(get('/', 'X: y\r\n' * 90)), [200], 'count')
    expect(statuses(b'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n'), [413], 'length')
    chunk = b'10000\r\n' + b'x' * 65536 + b'\r\n'
    expect(statuses(b'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk * 17), [413], 'chunks')
    expect(statuses(b'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;' + b'x' * 5000), [400], 'extension')
    trailer = b'0\r\n' + b'X: y\r\n' * 2000
    expect(statuses(b'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' + trailer), [400], 'trailer')
    is_alive()


def case_header_flood():
    """It never ends; the server ends it."""
    with connect() as s:
        s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n')
        sent = 0
        try:
            while sent < 50 << 20:
                sent += s.send(b'A: b\r\n' * 1000)
        except OSError:
            pass
        expect(sent < 50 << 20, True, 'the server takes it all')
    is_alive()


def case_paths():
    expect(fetch('/files/page.html')[2], b'<p>page</p>\n')
    expect(fetch('/files/page.html')[1]['content-type'], 'text/html; charset=utf-8')
    expect(fetch('/files/inside')[2], b'<p>page</p>\n')
    for path in ('../secret', '..%2fsecret', '%2e%2e/secret', '.%2e%2fsecret', 'sub/../../secret', 'outside', '/etc/passwd',
                 '%2fetc%2fpasswd', '../' * 20 + 'etc/passwd', 'sub', '', 'none', 'fifo', 'page.html/x', '..\\secret'):
        came = fetch('/files/' + path)
        expect((came[0], b'secret' in came[2] or b'root:' in came[2]), (404, False), path)
    expect(answers(exchange(b'POST /files/page.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'))[0][0], 405)


def case_ranges():
    whole = bytes(range(256)) * 4096
    def part(ranges):
        return answers(exchange(get('/files/large.bin', 'Range: %s\r\n' % ranges)))[0]
    expect(fetch('/files/large.bin')[2] == whole, True, 'all')
    for text, a, b in (('bytes=0-0', 0, 1), ('bytes=10-19', 10, 20), ('bytes=1048570-', 1048570, 1048576),
                       ('bytes=-5', 1048571, 1048576), ('bytes=100-99999999', 100, 1048576), ('bytes=-9999999', 0, 1048576)):
        came = part(text)
        expect(came[0], 206, text)
        expect(came[2] == whole[a:b], True, text)
        expect(came[1]['content-range'], 'bytes %d-%d/%d' % (a, b - 1, len(whole)), text)
    for text in ('bytes=1048576-', 'bytes=-0'):
        came = part(text)
        expect((came[0], came[1].get('content-range')), (416, 'bytes */1048576'), text)
    for text in ('bytes=5-2', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=', 'bytes=-', 'bytes=x-'):
        expect(part(text)[0], 200, text)
    date = fetch('/files/large.bin')[1]['last-modified']
    expect(answers(exchange(get('/files/large.bin', 'If-Modified-Since: %s\r\n' % date)))[0][0], 304)
    expect(answers(exchange(get('/files/large.bin', 'If-Range: x\r\nRange: bytes=0-1\r\n')))[0][0], 200)
    expect(answers(exchange(get('/files/large.bin', 'If-Range: %s\r\nRange: bytes=0-1\r\n' % date)))[0][0], 206)


# ---- slow, half open, gone ---------------------------------------------------------------------


def case_too_slow():
    """Times are short here: head 300 ms, body 300 ms, write 500 ms, idle 300 ms."""
    with connect() as s:
        s.sendall(b'GET / HTT')
        expect([a[0] for a in answers(read_all(s))], [408], 'head')
    with connect() as s:
        expect(read_all(s), b'', 'nothing at all')
    with connect() as s:
        s.sendall(get('/', close=False))
        expect(len(answers(read_all(s))), 1, 'idle')
    with connect() as s:
        s.sendall(b'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
        expect([a[0] for a in answers(read_all(s))], [408], 'body')
    # A byte now and then does not keep a head going.
    with connect() as s:
        began = time.monotonic()
        try:
            for b in get('/' + 'a' * 1000):
                s.send(bytes([b]))
                time.sleep(0.05)
        except OSError:
            pass
        expect(time.monotonic() - began < 5, True, 'a byte now and then')
    is_alive()


def ciphertext(s, data):
    """Shakes hands over a plain socket, and gives what would carry these data."""
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = TLS.wrap_bio(came, goes, server_hostname=HOST)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            s.sendall(goes.read())
            came.write(s.recv(65536))
    s.sendall(goes.read())
    tls.write(data)
    return goes.read()


def case_tls_pieces():
    """Of what TLS has to have whole a byte comes now and then: the others are served, and it does not last. Times are short."""
    with connect(plain=True) as s:
        record = ciphertext(s, get('/' + 'a' * 4000))
        s.sendall(record[:100])
        is_alive()
        s.sendall(record[100:])
        until(lambda: select.select([s], [], [], 0)[0], 'an answer to what came in two pieces')
    with connect(plain=True) as s:
        record = ciphertext(s, get('/' + 'a' * 4000))
        s.setblocking(False)
        for i in range(1000):
            try:
                s.send(record[i:i + 1])
                if not select.select([s], [], [], 0.02)[0]:
                    continue
                while s.recv(4096):             # tickets, and that it is the end
                    pass
                break
            except BlockingIOError:
                continue
            except OSError:
                break
        else:
            sys.exit('it lasts')
    is_alive()


def case_never_reads():
    socks = []
    for _ in range(20):
        s = connect(room=4096)
        s.sendall(get('/endless', close=False))
        socks.append(s)
    until(lambda: int(fetch('/counts')[2]) == 1, 'the server to give them up')
    is_alive()


def case_slow_reader():
    s = connect(room=4096)
    s.sendall(get('/files/large.bin' if TLS else '/stream?n=20000'))
    data = b''
    while True:
        more = s.recv(3000)
        if not more:
            break
        data += more
        time.sleep(0.002)
    body = answers(data)[0][2]
    expect(body == bytes(range(256)) * 4096 if TLS else body.count(b'\n') == 20000, True, '%d bytes' % len(body))


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def case_resets():
    """At every stage; afterwards nobody is left."""
    post = b'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n'
    chunked = b'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'
    for _ in range(2 if TLS else 20):
        for data in (b'', b'G', b'GET / HTTP/1.1\r\n', get('/'), get('/', close=False), post, post + b'x' * 5000, chunked,
                     get('/endless'), get('/slow?ms=50'), get('/wait'), get('/stream?n=1000'), get('/') * 10):
            for read in (0, 1):
                s = connect()
                s.sendall(data)
                if read and data.endswith(b'\r\n\r\n') and b'wait' not in data and b'POST' not in data:
                    s.recv(10)
                reset(s)
    until(lambda: int(fetch('/counts')[2]) == 1, 'no connection left')
    expect(fetch('/waiting')[2], b'0\n')


def case_gone():
    """A client that goes while the handler waits ends the wait, whether it resets or closes."""
    for how in (reset, lambda s: s.close()):
        socks = [connect() for _ in range(50)]
        for s in socks:
            s.sendall(get('/wait', close=False))
        until(lambda: fetch('/waiting')[2] == b'50\n', '50 that wait')
        for s in socks:
            how(s)
        until(lambda: fetch('/waiting')[2] == b'0\n', 'none that waits')
        until(lambda: int(fetch('/counts')[2]) == 1, 'no connection left')


def case_idle():
    """Many idle connections while others are served."""
    wanted = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(wanted, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 50, hard))
    socks = []
    for i in range(count):
        s = connect()
        socks.append(s)
        if i % 100 == 0:
            s.sendall(get('/', close=False))
            expect(s.recv(4096).startswith(b'HTTP/1.1 200'), True)
    for _ in range(100):
        is_alive()
    expect(int(fetch('/counts')[2]), count + 1)
    rss = resident()
    print('# %d idle connections: %.1f KiB resident each' % (count, rss / count))
    expect(rss / count < 40, True, 'resident KiB a connection: %.1f' % (rss / count))
    for s in socks:
        s.close()
    until(lambda: int(fetch('/counts')[2]) == 1, 'no connection left')


# ---- the end -----------------------------------------------------------------------------------------


def case_stop():
    """SIGTERM under load: no request is lost. sys.argv[3] is the server's process."""
    done, lost = [0] * 8, []
    stopping = threading.Event()

    def client(i):
        while not stopping.is_set():
            try:
                s = connect()
            except OSError:
                return                          # no longer taken: nothing was asked
            with s:
                for _ in range(20):
                    try:
                        s.sendall(get('/slow?ms=3', close=False))
                        data = s.recv(4096)
                        while data and not data.endswith(b'slow\n'):
                            more = s.recv(4096)
                            if not more:
                                break
                            data += more
                    except OSError as e:
                        lost.append(repr(e))
                        return
                    if not data.endswith(b'slow\n'):
                        lost.append(data[:100])
                        return
                    done[i] += 1
                    if b'Connection: close' in data:
                        break
    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    until(lambda: sum(done) > 200, 'answers')
    os.kill(int(sys.argv[3]), 15)
    until(lambda: not any(t.is_alive() for t in threads), 'an end')
    expect(lost, [], 'lost')
    print('# %d requests, none lost' % sum(done))


# ---- WebSockets ------------------------------------------------------------------------------------


def ws_open(more='', **how):
    s = connect(**how)
    s.sendall(get('/ws', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' + more, close=False))
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += s.recv(1)
    expect(b's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' in head and head.startswith(b'HTTP/1.1 101 '), True, head)
    return s


def frame(opcode, data=b'', fin=True, masked=True, rsv=0, length=None):
    n = len(data) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    head += bytes([bit | n]) if n < 126 else struct.pack('>BH', bit | 126, n) if n < 65536 else struct.pack('>BQ', bit | 127, n)
    if not masked:
        return head + data
    return head + b'mask' + bytes(b ^ b'mask'[i % 4] for i, b in enumerate(data))


def ws_read(s):
    """(opcode, payload), or None at the end."""
    def exactly(n):
        data = b''
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                return None
            data += more
        return data
    try:
        head = exactly(2)
        if not head:
            return None
        n = head[1] & 127
        if n == 126:
            n, = struct.unpack('>H', exactly(2))
        elif n == 127:
            n, = struct.unpack('>Q', exactly(8))
        return head[0] & 15, exactly(n) if n else b''
    except (ConnectionResetError, ssl.SSLEOFError):
        return None


def ws_closes(frames, code, what):
    with ws_open() as s:
        s.sendall(frames)
        came = ws_read(s)
        while came and came[0] != 8:
            came = ws_read(s)
        expect(came and came[0] == 8 and int.from_bytes(came[1][:2], 'big'), code, what)
        expect(ws_read(s), None, what)


def case_ws_messages():
    with ws_open() as s:
        for opcode, data in ((1, 'grüße'.encode()), (2, bytes(range(256))), (1, b''), (2, b'x' * 65535), (2, b'x' * 99999)):
            s.sendall(frame(opcode, data))
            expect(ws_read(s), (opcode, data))
        # fragments, a ping in between, a character cut in two
        s.sendall(frame(1, b'a\xc3', fin=False) + frame(9, b'ping') + frame(0, b'\xa4b'))
        expect(ws_read(s), (10, b'ping'))
        expect(ws_read(s), (1, 'aäb'.encode()))
        for b in frame(1, b'byte by byte'):
            s.send(bytes([b]))
        expect(ws_read(s), (1, b'byte by byte'))
        s.sendall(frame(1, b'm') * 3000)
        for _ in range(3000):
            expect(ws_read(s), (1, b'm'))
        s.sendall(frame(8, struct.pack('>H', 1000) + b'done'))
        expect(ws_read(s)[1][:2], struct.pack('>H', 1000))
        expect(ws_read(s), None)
    with ws_open() as s:
        s.sendall(frame(1, b'close'))
        expect(ws_read(s), (8, struct.pack('>H', 1001) + b'bye'))
        s.sendall(frame(8, struct.pack('>H', 1001)))
        expect(ws_read(s), None)
    is_alive()


def case_ws_refused():
    base = 'GET /ws HTTP/1.1\r\nHost: x\r\n'
    up, con, ver = 'Upgrade: websocket\r\n', 'Connection: Upgrade\r\n', 'Sec-WebSocket-Version: 13\r\n'
    key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    for fields, status in (('', 426), (up + ver + key, 426), (con + ver + key, 426), (up + con + key, 426),
                           (up + con + key + 'Sec-WebSocket-Version: 8\r\n', 426), (up + con + ver, 400),
                           (up + con + ver + 'Sec-WebSocket-Key: short\r\n', 400)):
        expect(statuses((base + fields + '\r\n').encode(), shut=True), [status], fields)
    is_alive()


def case_ws_protocol():
    for frames, code, what in (
            (frame(1, b'x', masked=False), 1002, 'not masked'), (frame(3, b'x'), 1002, 'opcode'),
            (frame(1, b'x', rsv=4), 1002, 'reserved bit'), (frame(9, b'x' * 126), 1002, 'large ping'),
            (frame(9, b'x', fin=False), 1002, 'ping in pieces'), (frame(0, b'x'), 1002, 'continues nothing'),
            (frame(1, b'x', fin=False) + frame(1, b'y'), 1002, 'begins anew'), (frame(8, b'x'), 0, 'half a code'),  # libwslay: a close without a code
           
            (frame(8, struct.pack('>H', 999)), 1002, 'no such code'), (frame(8, struct.pack('>H', 1005)), 1002, 'secret code'),
            (frame(1, b'\xff\xfe'), 1007, 'not UTF-8'), (frame(1, b'\xc0\x80'), 1007, 'overlong'),
            (frame(1, b'\xed\xa0\x80'), 1007, 'surrogate'), (frame(1, b'abc\xc3'), 1007, 'cut'),
            (frame(1, b'\xc3', fin=False) + frame(0, b'x'), 1007, 'cut by a fragment'),
            (frame(8, struct.pack('>H', 1000) + b'\xff'), 1007, 'reason'),
            (frame(2, b'x' * 100001), 1009, 'too large'), (frame(2, b'x', length=1 << 40), 1009, 'far too large'),
            ((frame(2, b'x' * 60000, fin=False) + frame(0, b'x' * 60000)), 1009, 'too large in pieces')):
        ws_closes(frames, code, what)
    is_alive()


def case_ws_floods():
    """Pings without end, and a peer that reads nothing: the server stops, in bounded memory."""
    before = resident()
    socks = []
    for data in (frame(1, b'flood'), frame(9, b'x' * 125) * 1000):
        s = ws_open()
        s.settimeout(0.3)
        try:
            for _ in range(2000):
                s.sendall(data)
                if len(data) < 100:
                    break
        except OSError:
            pass
        socks.append(s)
    expect(resident() - before < 30000, True, 'KiB more: %d' % (resident() - before))
    is_alive()
    until(lambda: int(fetch('/counts')[2]) == 1, 'the server to give them up')


def case_ws_slow():
    """A byte at a time, either way: everything comes, and the others are served."""
    with ws_open(room=4096) as s:
        data = os.urandom(99999)
        for b in frame(1, b'slowly'):
            s.sendall(bytes([b]))
            is_alive()
        expect(ws_read(s), (1, b'slowly'))
        s.sendall(frame(2, data) + frame(2, data))
        is_alive()
        for _ in range(2):
            expect(ws_read(s) == (2, data), True, 'what a slow reader gets')


def case_ws_silent():
    """Half-open peers: pinged, then given up."""
    s = ws_open()
    expect(ws_read(s), (9, b''))
    until(lambda: int(fetch('/counts')[2]) == 1, 'the server to give it up')
    s = ws_open()
    for _ in range(5):
        expect(ws_read(s), (9, b''))
        s.sendall(frame(10))
    s.sendall(frame(1, b'still here'))
    came = ws_read(s)
    while came == (9, b''):
        came = ws_read(s)
    expect(came, (1, b'still here'))


def case_ws_resets():
    for _ in range(3 if TLS else 30):
        for data in (b'', frame(1, b'hello'), frame(2, b'x' * 50000)[:1000], b'\x81', frame(1, b'flood'), frame(8)):
            s = ws_open()
            s.sendall(data)
            reset(s)
    until(lambda: int(fetch('/counts')[2]) == 1, 'no connection left')


before, memory = left(), []
for _ in range(int(os.environ.get('ROUNDS', 1))):
    for name in sys.argv[2].split(','):
        globals()['case_' + name]()
        if name != 'stop':
            until(lambda: left() == before, 'greenlets and descriptors as before %s: %r' % (name, before))
    memory.append(resident() if 'ROUNDS' in os.environ else 0)
# What is kept for the next ones was made in the first round.
expect(memory[-1] - memory[0] < 4096, True, 'resident KiB after each round: %r' % memory)
