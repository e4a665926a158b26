"""Runs a program on a terminal of its own and presses Ctrl-\\ there.

usage: terminal.py PRESSES INTERVAL PROGRAM ARGS...
Waits for "ready" and then for the program to sleep (a second at most: it may compute) before the first press, and for a list of greenlets (or the end) after each; then presses Return, and
prints what the program wrote and how it ended.
"""
import os
import pty
import select
import signal
import sys
import time

presses, interval = int(sys.argv[1]), float(sys.argv[2])
pid, master = pty.fork()
if pid == 0:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    os.execvp(sys.argv[3], sys.argv[3:])

text = b""


def read_until(condition):
    """False: the program has ended, or 20 seconds are over."""
    global text
    end = time.monotonic() + 20
    while not condition():
        ready, _, _ = select.select([master], [], [], max(end - time.monotonic(), 0))
        try:
            data = os.read(master, 65536) if ready else b""
        except OSError:
            data = b""
        if not data:
            return False
        text += data
    return True


def sleeps():
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"


read_until(lambda: b"ready" in text)
end = time.monotonic() + 1
while not sleeps() and time.monotonic() < end:
    time.sleep(0.01)
for press in range(presses):
    seen = text.count(b"greenlets in process")
    os.write(master, b"\x1c")
    if press < presses - 1 or interval:
        if not read_until(lambda: text.count(b"greenlets in process") > seen):
            break
        time.sleep(interval)
try:
    os.write(master, b"\n")
except OSError:
    pass
read_until(lambda: False)
_, status = os.waitpid(pid, 0)
sys.stdout.write(text.decode(errors="replace").replace("\r\n", "\n"))
print("signal", os.WTERMSIG(status)) if os.WIFSIGNALED(status) else print("status", os.WEXITSTATUS(status))
