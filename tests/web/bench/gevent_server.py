"""gevent.pywsgi with the 12 bytes of scripts/bench-web: gevent_server.py PORT"""
import sys

from gevent.pywsgi import WSGIServer


def app(environ, start):
    start('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '12')])
    return [b'hello world\n']


WSGIServer(('127.0.0.1', int(sys.argv[1])), app, log=None).serve_forever()
