"""pages.py - the pages of tests/examples/, in two headless Chromiums (browser.py).

    pages.py chat|looks|readings BUILD      exit status 0, or what was expected and what came
    pages.py pictures BUILD DIRECTORY       pictures of them, to look at; DIRECTORY/chat.png is that of the README

The servers are build/examples/chat and readings, on free ports.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from browser import Browser

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = sys.argv[2]


def expect(came, wanted, what=''):
    if came != wanted:
        raise AssertionError('%s: expected %r, came %r' % (what, wanted, came))


class Server:
    """build/examples/NAME; restarted on the same port."""

    def __init__(self, name, *options):
        self.command = [os.path.join(BUILD, 'examples', name), '-p', os.path.join(ROOT, 'tests/examples/page'), *options]
        self.address = '127.0.0.1:0'
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command + [self.address], stdout=subprocess.PIPE, text=True)
        word, self.address = self.process.stdout.readline().split()
        self.url = 'http://%s/' % self.address

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait(10), 0, 'the end of %s' % self.command[0])
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def no_complaints(*browsers):
    for b in browsers:
        b.ask('1')  # what is under way has come
        expect(b.complaints, [], 'complaints of a page')


OPEN = 'document.getElementById("state").dataset.state === "open"'
LOST = '!document.getElementById("lost").hidden'


def come_in(b, url, name):
    """With the keyboard alone."""
    b.go(url)
    b.until('document.activeElement.id === "name"')
    b.type(name)
    b.enter()
    b.until(OPEN + ' && document.activeElement.id === "text"')


def said(b):
    """The texts that are shown."""
    return b.ask('[...document.querySelectorAll(".said p")].map((p) => p.textContent)')


def say(text, b, *others):
    b.type(text)
    b.enter()
    for o in (b, *others):
        o.until('[...document.querySelectorAll(".said p")].some((p) => p.textContent === %s)' % json.dumps(text))
    expect(b.ask('document.getElementById("text").value'), '', 'what is left in the field')


def case_chat():
    with tempfile.TemporaryDirectory() as d, Server('chat', '-l', os.path.join(d, 'lines')) as s, \
            Browser() as ina, Browser() as jan:
        come_in(ina, s.url, 'Ina')
        come_in(jan, s.url, 'Jan')
        for b in (ina, jan):
            b.until('document.getElementById("people-title").textContent === "Here now: 2"')
        say('hello', ina, jan)
        say('<b>not bold</b> & "quoted" \u00fc\U0001f331', jan, ina)
        lines = said(ina)
        expect(said(jan), lines, 'the other page')
        expect(jan.ask('[...document.querySelectorAll(".said")].map((l) => l.classList.contains("mine"))'), [False, True])

        # Who comes late sees what was said.
        jan.call('Page.reload')
        jan.until('document.querySelectorAll(".said").length === 2 && ' + OPEN)
        expect(said(jan), lines, 'after a reload')

        # Another room hears nothing of it.
        jan.ask('location.hash = "kitchen"')
        jan.until('document.querySelector("[aria-current]")?.textContent === "kitchen" && ' + OPEN)
        say('soup', jan)
        say('still here', ina)
        expect(said(jan), ['soup'], 'the kitchen')
        jan.ask('location.hash = "garden"')
        jan.until('document.querySelectorAll(".said").length === 3')

        restart(s, ina, jan)
        no_complaints(ina, jan)


def restart(s, ina, jan):
    lines = said(ina)
    s.stop()
    for b in (ina, jan):
        b.until(LOST + ' && document.getElementById("again").textContent.startsWith("Trying again")')
        expect(b.ask('document.getElementById("state").textContent'), 'Not connected')
    ina.type('a draft')
    ina.enter()
    expect(ina.ask('document.getElementById("text").value'), 'a draft', 'what cannot be sent')
    # The pause grows.
    jan.until('document.getElementById("again").textContent === "Trying again in 2 s."')
    s.start()
    for b in (ina, jan):
        b.until(OPEN + ' && document.getElementById("lost").hidden')
    expect(said(ina), lines, 'what is shown after the restart')
    ina.enter()
    jan.until('[...document.querySelectorAll(".said p")].at(-1).textContent === "a draft"')
    say('we are back', jan, ina)
    for b in (ina, jan):
        expect(said(b), lines + ['a draft', 'we are back'], 'at the end')
    # The server remembers what was said before its restart.
    jan.call('Page.reload')
    jan.until('document.querySelectorAll(".said").length === %d' % (len(lines) + 2))
    expect(said(jan), lines + ['a draft', 'we are back'], 'a new page')


# ---- how they look ----------------------------------------------------------------------------

# The contrast of each text with what is behind it, as WCAG counts it: those below 4.5.
CONTRAST = '''(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => {
    const v = c[i] / 255;
    return sum + w * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const c = rgba(getComputedStyle(node).backgroundColor);
      if (c[3] === 255)
        return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  let looked = 0;
  for (const node of document.body.querySelectorAll('*')) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || node.placeholder;
    if (!own || !node.checkVisibility() || node.closest('svg, script, noscript'))
      continue;
    const style = node.placeholder ? getComputedStyle(node, '::placeholder') : getComputedStyle(node);
    const [a, b] = [light(rgba(style.color)), light(behind(node))].sort((x, y) => y - x);
    looked++;
    if ((a + 0.05) / (b + 0.05) < 4.5)
      bad.push(`${node.tagName} ${node.className} "${node.textContent.trim().slice(0, 20)}" ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return looked ? bad : ['no text'];
})()'''

# What is wider than the page, and what is too small for a thumb.
NARROW = '''(() => {
  const bad = document.documentElement.scrollWidth > innerWidth ? [`${document.documentElement.scrollWidth} px wide`] : [];
  for (const node of document.querySelectorAll('button, a, input, select, textarea, summary')) {
    const box = node.getBoundingClientRect();
    if (node.checkVisibility() && (box.height < 44 || box.width < 44 || box.right > innerWidth || box.left < 0))
      bad.push(`${node.tagName} ${node.id} ${box.width} x ${box.height} at ${box.left}`);
  }
  return bad;
})()'''


def looks(b, what):
    for scheme in ('light', 'dark'):
        b.scheme(scheme)
        expect(b.ask(CONTRAST), [], '%s, %s: too little contrast' % (what, scheme))
    b.scheme('light')
    b.size(375, 667, True)
    b.until('innerWidth === 375')
    expect(b.ask(NARROW), [], '%s at 375 px' % what)
    b.size(1200, 750)


def roles(b):
    """Role and name of what a screen reader comes to."""
    nodes = b.call('Accessibility.getFullAXTree')['nodes']
    return {(n['role']['value'], n.get('name', {}).get('value', '')) for n in nodes if not n['ignored']}


def by_tab(b):
    """The elements that Tab comes to, and that each shows it."""
    # From the top of the page: where an element was that had the focus and is gone.
    b.ask('document.body.prepend(document.createElement("button")), document.body.firstChild.focus(), document.body.firstChild.remove()')
    ids = []
    for _ in range(20):
        b.tab()
        name = b.ask('document.activeElement === document.body ? "" : document.activeElement.id || document.activeElement.textContent')
        if not name or name in ids:
            break
        ids.append(name)
        expect(b.ask('parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2 && '
                     'getComputedStyle(document.activeElement).outlineStyle'), 'solid', 'the focus on ' + name)
    return ids


def has(b, *wanted):
    there = roles(b)
    for w in wanted:
        if w not in there:
            raise AssertionError('expected %r among %r' % (w, sorted(there)))


def case_looks():
    with Server('chat') as s, Browser() as b:
        b.size(1200, 750)
        b.go(s.url)
        b.until('document.activeElement.id === "name"')
        looks(b, 'the door')
        has(b, ('textbox', 'Your name'), ('button', 'Enter the chat'), ('heading', 'Come in'))
        come_in(b, s.url, 'Ina')
        say('hello', b)
        say('a word without any end ' + 'x' * 200, b)
        b.until('document.getElementById("people").childElementCount === 1')
        looks(b, 'the chat')
        has(b, ('textbox', 'Message'), ('button', 'Send'), ('log', 'Messages'), ('navigation', 'Rooms'), ('main', 'What was said'),
            ('button', 'You are Ina. Change your name'), ('status', ''), ('link', 'kitchen'))
        expect(by_tab(b), ['garden', 'kitchen', 'workshop', 'me', 'log', 'text', 'send'], 'by Tab')
        s.stop()
        b.until(LOST)
        looks(b, 'the chat without its server')
        has(b, ('button', 'Try now'))
        no_complaints(b)
    with Server('readings') as s, Browser() as b:
        b.size(1200, 750)
        b.go(s.url)
        b.until('+document.getElementById("count").textContent >= 2')
        looks(b, 'the readings')
        has(b, ('button', 'Pause'), ('combobox', 'A reading every'), ('status', ''), ('heading', 'Readings'))
        expect(by_tab(b)[:2], ['every', 'pause'], 'by Tab')
        no_complaints(b)


def case_readings():
    count = '+document.getElementById("count").textContent'
    with Server('readings') as s, Browser() as a, Browser() as b:
        for x in (a, b):
            x.go(s.url)
            x.until(count + ' >= 2')
        a.ask('document.getElementById("every").value = "100", document.getElementById("every").dispatchEvent(new Event("change"))')
        a.until(count + ' >= 10')
        expect(len(a.ask('document.getElementById("curve").getAttribute("points")').split()) >= 10, True, 'points of the curve')
        a.ask('document.getElementById("pause").click()')
        # What was on its way comes first; a server that has paused answers nothing more.
        still = 'window.was === (window.was = %s) ? ++window.calm > 20 : (window.calm = 0)' % count
        a.until(still)
        paused = a.ask(count)
        shown = b.ask(count)
        b.until('%s > %d' % (count, shown + 1))
        expect(a.ask(count), paused, 'readings while paused')
        a.ask('document.getElementById("pause").click()')
        a.until('%s > %d' % (count, paused))
        s.stop()
        for x in (a, b):
            x.until(LOST)
        shown = b.ask(count)
        s.start()
        for x in (a, b):
            x.until(OPEN)
        b.until('%s > %d' % (count, shown + 1))
        no_complaints(a, b)


# ---- pictures ------------------------------------------------------------------------------------

TALK = (('Ina', 'Good morning! Is anyone in the garden today?'), ('Jan', 'Yes, by the beans. They have grown a hand since Sunday.'),
        ('Jan', 'And the first tomatoes are red.'), ('Ina', 'Wonderful. I bring bread and salt at noon.'),
        ('Ina', 'Do we need anything else?'), ('Jan', 'A watering can. Mine has a hole.'), ('Ina', 'I have two. See you at noon!'))


def pictures(directory):
    os.makedirs(directory, exist_ok=True)

    def picture(b, name, scheme='light'):
        b.scheme(scheme)
        time.sleep(0.3)  # a transition, a countdown
        b.picture(os.path.join(directory, name))

    with Server('chat') as s, Server('readings') as r, Browser() as ina, Browser() as jan:
        who = {'Ina': ina, 'Jan': jan}
        for name, b in who.items():
            b.size(960, 680)
            come_in(b, s.url, name)
        for name, text in TALK:
            say(text, who[name], *(b for b in who.values() if b is not who[name]))
        picture(ina, 'chat.png')
        picture(ina, 'chat-dark.png', 'dark')
        jan.size(375, 667, True, 2)
        picture(jan, 'chat-phone.png')
        s.stop()
        jan.until(LOST)
        picture(jan, 'chat-lost.png', 'dark')
        ina.go(r.url)
        ina.until('+document.getElementById("count").textContent > 20')
        picture(ina, 'readings.png')
        ina.size(375, 667, True, 2)
        picture(ina, 'readings-phone.png', 'dark')


if __name__ == '__main__':
    if sys.argv[1] == 'pictures':
        pictures(sys.argv[3])
    else:
        globals()['case_' + sys.argv[1]]()
