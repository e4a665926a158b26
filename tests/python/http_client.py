"""A threaded client that blocks: each thread fetches some pages with urllib, one after the other.

    http_client.py PORT [threads] [pages of each thread]

All threads start at once. Prints what came back; ends with status 1 if any page failed or was not what was asked for.
"""

import hashlib
import sys
import threading
import time
import urllib.request

port = int(sys.argv[1])
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 300
pages = int(sys.argv[3]) if len(sys.argv) > 3 else 4

# No proxy, whatever the environment says: the server is on this machine.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
barrier = threading.Barrier(threads + 1)
results = {}
errors = []


def fetch(thread):
    barrier.wait()
    for page in range(pages):
        path = f"/{thread}/{page}"
        try:
            with opener.open(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
                body = reply.read()
            if body != (hashlib.sha256(path.encode()).hexdigest() * 16).encode():
                raise ValueError(f"{path}: not the page that was asked for")
            results[path] = body
        except Exception as error:
            errors.append(f"{path}: {error!r}")


workers = [threading.Thread(target=fetch, args=(i,)) for i in range(threads)]
for worker in workers:
    worker.start()
barrier.wait()
began = time.monotonic()
for worker in workers:
    worker.join()
seconds = time.monotonic() - began

digest = hashlib.sha256()
for path in sorted(results):
    digest.update(results[path])
print("threads", threads)
print("fetched", len(results))
print("failed", len(errors))
print("bytes", sum(map(len, results.values())))
print("sha256", digest.hexdigest())
print(f"seconds {seconds:.2f}", file=sys.stderr)
for error in errors[:5]:
    print("error", error, file=sys.stderr)
sys.exit(1 if errors else 0)
