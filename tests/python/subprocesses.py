"""subprocess in 12 threads at once: pipes both ways, exit statuses, a timeout, a missing program, a group of pipes."""

import os
import signal
import subprocess
import threading
import time

THREADS = 12
results = [None] * THREADS
BIG = b"0123456789abcdef" * 16384     # 256 KiB, more than a pipe holds


def children(number):
    out = []
    done = subprocess.run(["/bin/sh", "-c", f"echo out {number}; echo err >&2; exit {number}"], capture_output=True)
    out.append((done.returncode, done.stdout.decode().strip(), done.stderr.decode().strip()))
    done = subprocess.run(["/bin/cat"], input=BIG, capture_output=True)
    out.append((done.returncode, done.stdout == BIG))
    try:
        subprocess.run(["/bin/sleep", "1000"], timeout=0.1)
    except subprocess.TimeoutExpired:
        out.append("timed out")
    try:
        subprocess.run(["/nonexistent/program"])
    except FileNotFoundError as error:
        out.append(error.strerror)
    with subprocess.Popen(["/bin/sleep", "1000"]) as child:
        child.terminate()
        out.append(child.wait() == -signal.SIGTERM)
    first = subprocess.Popen(["/bin/echo", "one", "two"], stdout=subprocess.PIPE)
    second = subprocess.Popen(["/usr/bin/tr", "a-z", "A-Z"], stdin=first.stdout, stdout=subprocess.PIPE)
    first.stdout.close()
    out.append(second.communicate()[0].decode().strip())
    out.append(first.wait())
    results[number] = out


ticks = 0
stop = threading.Event()


def tick():
    global ticks
    while not stop.wait(0.01):
        ticks += 1


ticker = threading.Thread(target=tick)
ticker.start()
threads = [threading.Thread(target=children, args=(i,)) for i in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

# The others go on while one thread waits for a child.
before = ticks
subprocess.run(["/bin/sleep", "0.3"])
print("others ran while waiting", ticks - before >= 5)
stop.set()
ticker.join()
for result in results:
    print(result)

# fork by hand in a process that has threads, os.posix_spawn, os.popen, and a child with its own thread.
pid = os.fork()
if pid == 0:
    inner = threading.Thread(target=time.sleep, args=(0.01,))
    inner.start()
    inner.join()
    os._exit(7)
print("fork", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], os.environ)
print("posix_spawn", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
try:
    os.posix_spawn("/nonexistent/program", ["x"], os.environ)
    print("posix_spawn of a missing program succeeded")
except FileNotFoundError as error:
    print("posix_spawn", error.strerror)
with os.popen("echo popen") as pipe:
    print(pipe.read().strip())
try:
    os.waitpid(-1, 0)
    print("a child was left")
except ChildProcessError:
    print("no child left")
