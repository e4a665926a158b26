"""browser.py - a headless Chromium, driven by its DevTools protocol.

    with Browser() as b:
        b.go('http://127.0.0.1:8080/')
        b.until('document.title === "Chat"')

A Browser is a process of its own with a profile of its own. What the page writes to the console, what it throws and what the
browser logs (a file that is not there, a policy that is broken) is in b.complaints.
"""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import websocket

PROGRAMS = ('chromium-headless-shell', 'chromium')
LIMIT = 20


def program():
    return next((p for p in map(shutil.which, PROGRAMS) if p), None)


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix='greenpatch-browser-')
        self.errors = open(os.path.join(self.profile, 'stderr'), 'w+')
        self.process = subprocess.Popen(
            [program(), '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions',
             '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
             '--font-render-hinting=none', '--lang=en-GB', '--remote-debugging-port=0', '--remote-allow-origins=*',
             '--user-data-dir=' + self.profile, 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
            env=dict(os.environ, TZ='UTC', LANGUAGE='en_GB'))
        self.complaints = []
        self.refused = []
        self.number = 0
        try:
            self.socket = websocket.create_connection(self.page(), timeout=LIMIT)
            for domain in ('Page', 'Runtime', 'Log', 'Accessibility'):
                self.call(domain + '.enable')
        except BaseException:
            self.close()
            raise

    def page(self):
        """The DevTools address of the one page. The port stands on standard error; /json lists the pages."""
        import urllib.request
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            with open(self.errors.name) as f:
                found = re.search(r'DevTools listening on ws://([0-9.:]+)/', f.read())
            if found:
                with urllib.request.urlopen('http://%s/json' % found[1], timeout=LIMIT) as answer:
                    for target in json.load(answer):
                        if target['type'] == 'page':
                            return target['webSocketDebuggerUrl']
            time.sleep(0.02)
        with open(self.errors.name) as f:
            raise AssertionError('no browser: ' + f.read()[-2000:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.call('Browser.close')
        except Exception:
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    # ---- the protocol ----

    def note(self, event):
        """Keeps what the page should not have said."""
        params = event.get('params', {})
        if event.get('method') == 'Runtime.exceptionThrown':
            self.complaints.append(params['exceptionDetails'].get('exception', {}).get('description', 'an exception'))
        elif event.get('method') == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'warning', 'assert'):
            self.complaints.append(' '.join(str(a.get('value', a.get('description'))) for a in params['args']))
        elif event.get('method') == 'Log.entryAdded' and params['entry']['level'] in ('error', 'warning'):
            text = params['entry']['text']
            # A page cannot keep the browser from logging that nobody listens.
            (self.refused if 'ERR_CONNECTION_REFUSED' in text else self.complaints).append(text)

    def call(self, method, **params):
        self.number += 1
        self.socket.send(json.dumps({'id': self.number, 'method': method, 'params': params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise AssertionError('%s: %s' % (method, answer['error']))
                return answer['result']
            self.note(answer)

    # ---- what a person does ----

    def go(self, url):
        self.call('Page.navigate', url=url)
        self.until('location.href.startsWith(%s) && document.readyState === "complete"' % json.dumps(url))

    def ask(self, expression):
        """The value of an expression of JavaScript."""
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise AssertionError('%s: %s' % (expression, answer['exceptionDetails']['exception'].get('description')))
        return answer['result'].get('value')

    def until(self, expression, limit=LIMIT):
        end = time.monotonic() + limit
        while True:
            value = self.ask(expression)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError('expected %s within %g s; the page: %r; complaints: %r' % (
                    expression, limit, self.ask('document.body.innerText'), self.complaints))
            time.sleep(0.02)

    def type(self, text):
        self.call('Input.insertText', text=text)

    def key(self, name, code=0, modifiers=0, text=None):
        about = dict(key=name, code=name, windowsVirtualKeyCode=code, modifiers=modifiers)
        self.call('Input.dispatchKeyEvent', type='keyDown' if text else 'rawKeyDown', **about, **({'text': text} if text else {}))
        self.call('Input.dispatchKeyEvent', type='keyUp', **about)

    def enter(self):
        self.key('Enter', 13, text='\r')

    def tab(self, back=False):
        self.key('Tab', 9, 8 if back else 0)

    def size(self, width, height, phone=False, scale=1):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=scale, mobile=phone)

    def scheme(self, name):
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': name}])

    def picture(self, path):
        with open(path, 'wb') as f:
            f.write(base64.b64decode(self.call('Page.captureScreenshot', format='png')['data']))
