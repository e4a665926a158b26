# greenpatch-gdb.py: greenlets in gdb, of a patched program or of one linked with the core; live or a core file.
#
#   gdb -x scripts/greenpatch-gdb.py -p PID
#   (gdb) info greenlets            lists them: number, name, state, what each waits for
#   (gdb) greenlet 7                from now on bt, up, frame, info locals ... are about #7
#   (gdb) greenlet                  which one that is; "greenlet off" ends it
#   (gdb) greenlet all bt           a backtrace of each, or any other command
#
# gdb knows one thread, the kernel's. A parked greenlet is a saved stack pointer; an unwinder makes its frames the callers
# of the frame in which the kernel thread is, so nothing is written anywhere. Frame 0 stays the kernel thread's own.

import gdb
from gdb.unwinder import Unwinder, register_unwinder

# The saved context (core/run/context.S): register -> word above the saved stack pointer.
SAVED = {'r15': 1, 'r14': 2, 'r13': 3, 'r12': 4, 'rbx': 5, 'rbp': 6, 'rip': 7}
WORDS = 8


def lookup(expression):
    try:
        value = gdb.parse_and_eval(expression)
        return value if int(value) else None
    except gdb.error:
        return None


def find_hub():
    hub = lookup('gp__shim.hub')
    if hub is None:
        hub = lookup("'core/run/hub.c'::thread_hub")
    if hub is None:
        raise gdb.GdbError('no greenlets: this thread has no hub, or the library has no debugging symbols')
    return hub


def each(hub):
    """All greenlets, in the order in which they were made."""
    kind = gdb.lookup_type('struct gp_greenlet')
    offset = [f.bitpos // 8 for f in kind.fields() if f.name == 'all'][0]
    head = hub['all'].address
    node = hub['all']['next']
    while node != head:
        yield (node.cast(gdb.lookup_type('char').pointer()) - offset).cast(kind.pointer())
        node = node['next']


def text(pointer):
    return pointer.string(errors='replace') if int(pointer) else ''


def name(g):
    if lookup('&gp__shim') is not None:
        t = g.cast(gdb.lookup_type('struct gp_guest').pointer())
        if t['is_main']:
            return 'main'
        return t['comm'].string(errors='replace') or ('greenlet' if int(g['run']) else 'thread-%d' % int(t['tid']))
    return text(g['name']) or ('main' if int(g['id']) == 1 else 'greenlet')


def state(g, hub):
    number = int(g['state'])
    names = {f.enumval: f.name for f in gdb.lookup_type('enum gp_state').fields()}
    word = names[number].replace('GP__', '').lower()
    if word == 'parked' and int(g['wait_what']):
        return 'waits for %s %#x' % (text(g['wait_what']), int(g['wait_object']))
    return word


class GreenletUnwinder(Unwinder):
    """While a greenlet is chosen, its context is what called the innermost frame."""

    def __init__(self):
        super().__init__('greenpatch')
        self.chosen = None
        self.at = None

    def choose(self, g):
        self.chosen = None
        gdb.invalidate_cached_frames()
        if g is not None:
            frame = gdb.newest_frame()
            self.at = (int(frame.read_register('rsp')), int(frame.read_register('rip')))
            self.chosen = g
            gdb.invalidate_cached_frames()

    def innermost(self, frame):
        return self.at == (int(frame.read_register('rsp')), int(frame.read_register('rip')))

    def __call__(self, pending):
        if self.chosen is None or not self.innermost(pending):
            return None
        word = gdb.lookup_type('unsigned long')
        sp = self.chosen['sp'].cast(word.pointer())
        # With an id on the greenlet's stack, or gdb takes the frames for a corrupt stack.
        info = pending.create_unwind_info(FrameId(sp, pending.read_register('rip')))
        for register, at in SAVED.items():
            info.add_saved_register(register, (sp + at).dereference())
        info.add_saved_register('rsp', (sp + WORDS).cast(word))
        return info


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


unwinder = GreenletUnwinder()
register_unwinder(None, unwinder, True)


def choose(g, hub):
    unwinder.choose(None if g is None or g == hub['current'] else g)


def line(g, hub):
    mark = '*' if g == hub['current'] else ' '
    return '%s #%d %s: %s' % (mark, int(g['id']), name(g), state(g, hub))


class InfoGreenlets(gdb.Command):
    """Lists the greenlets; * is the one that runs."""

    def __init__(self):
        super().__init__('info greenlets', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        hub = find_hub()
        for g in each(hub):
            print(line(g, hub))


class Greenlet(gdb.Command):
    """greenlet N: frames are those of #N. greenlet off: of the kernel thread again. greenlet all COMMAND: for each."""

    def __init__(self):
        super().__init__('greenlet', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        hub = find_hub()
        if argument == 'off':
            choose(None, hub)
        elif argument.startswith('all '):
            self.all(hub, argument[4:])
        elif argument:
            self.one(hub, argument)
        elif unwinder.chosen is not None:
            print(line(unwinder.chosen, hub))
        else:
            print('none is chosen')

    def one(self, hub, argument):
        number = int(argument.lstrip('#'), 0)
        for g in each(hub):
            if int(g['id']) == number:
                choose(g, hub)
                print(line(g, hub))
                frame = gdb.newest_frame()
                while unwinder.chosen is not None and frame is not None and unwinder.innermost(frame):
                    frame = frame.older() # inlined functions stand there, too
                if frame is not None:
                    frame.select()
                return
        raise gdb.GdbError('there is no greenlet #%d' % number)

    def all(self, hub, command):
        before = unwinder.chosen
        try:
            for g in each(hub):
                choose(g, hub)
                print(line(g, hub))
                gdb.execute(command)
        finally:
            choose(before, hub)


InfoGreenlets()
Greenlet()

# The traps of Syscall User Dispatch and the tick are the library's own affair.
gdb.execute('handle SIGSYS SIG64 nostop noprint pass', to_string=True)
