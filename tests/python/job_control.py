#!/usr/bin/env python3
"""job_control.py PROGRAM ARGS...: an interactive shell on a pseudo-terminal runs the program, stops it with the key for
that, looks at it, takes it to the background and back, and interrupts it. Prints what the shell said of it, and what the
program printed between; the program prints "ready", then repeats each line that it reads."""
import os
import pty
import re
import select
import sys
import time

pid, fd = pty.fork()
if pid == 0:
    os.environ['PS1'] = 'prompt> '
    for name in ('LD_PRELOAD', 'PROMPT_COMMAND'):
        os.environ.pop(name, None)
    os.execvp('bash', ['bash', '--norc', '--noprofile', '--noediting', '-i'])

seen = ''


def read_until(pattern, seconds=15):
    """Reads until the pattern has come; what came up to its end."""
    global seen
    end = time.monotonic() + seconds
    while True:
        found = re.search(pattern, seen)
        if found:
            came, seen = seen[:found.end()], seen[found.end():]
            return came
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            print('FAILED: waited for %r, came %r' % (pattern, seen))
            os.kill(pid, 9)
            sys.exit(1)
        try:
            seen += os.read(fd, 4096).decode().replace('\r', '')
        except OSError:
            print('FAILED: the shell has ended, waited for %r, came %r' % (pattern, seen))
            sys.exit(1)


def type(text):
    os.write(fd, text.encode())


def state(program_pid):
    with open('/proc/%s/stat' % program_pid) as f:
        return f.read().rsplit(')', 1)[1].split()[0]


def wait_for_state(program_pid, wanted):
    for _ in range(500):
        if state(program_pid) in wanted:
            return
        time.sleep(0.01)
    print('FAILED: state %s, not one of %s' % (state(program_pid), wanted))


command = ' '.join(sys.argv[1:])
read_until('prompt> ')
type('stty -echo\n')
read_until('prompt> ')
preload = os.environ.get('PRELOAD', '')
type((f'LD_PRELOAD={preload} ' if preload else '') + command + '\n')
child = re.search(r'ready (\d+)', read_until(r'ready \d+\n')).group(1)
type('one\n')
read_until('read one\n')
print('reads from the terminal')
for how in range(2):
    type('\x1a')  # Ctrl-Z
    read_until(r'Stopped.*\n(.*\n)*?prompt> ')
    print('stopped, state', state(child))
    if how:
        type('bg\n')
        read_until('prompt> ')
        wait_for_state(child, 'T')  # it reads from the terminal, which is not its own now
        print('in the background it stops at its next read')
    type('fg\n')
    wait_for_state(child, 'SR')
    type('again\n')
    read_until('read again\n')
    print('goes on in the foreground')
type('\x03')  # Ctrl-C: it has a handler
read_until('SIGINT\n')
print('handles SIGINT')
type('two\n')
read_until('read two\n')
type('\x04')  # end of file
read_until('the end\n')
read_until('prompt> ')
type('echo status $?\n')
print(re.search(r'status \d+', read_until(r'status \d+\n')).group(0))
type((f'LD_PRELOAD={preload} ' if preload else '') + command + '\n')
child = re.search(r'ready (\d+)', read_until(r'ready \d+\n')).group(1)
type('\x1c')  # Ctrl-\: a list under the shim, the end natively; twice it is the end for both
time.sleep(0.2)
if preload:
    type('\x1c')
read_until('prompt> ')
type('echo status $?\n')
print(re.search(r'status \d+', read_until(r'status \d+\n')).group(0))
type('exit\n')
os.waitpid(pid, 0)
