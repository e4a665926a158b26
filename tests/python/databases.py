"""sqlite3: writers and readers in threads, each with a connection of its own, that wait for each other's locks."""

import os
import sqlite3
import sys
import tempfile
import threading

WRITERS, READERS, ROWS = 6, 4, 60

folder = tempfile.mkdtemp(dir=os.getcwd())
path = os.path.join(folder, "data")
errors = []


def connect():
    return sqlite3.connect(path, timeout=30, isolation_level=None)


def write(number):
    db = connect()
    for row in range(ROWS):
        db.execute("BEGIN IMMEDIATE")
        (seen,) = db.execute("SELECT total FROM sums WHERE id = 1").fetchone()
        db.execute("INSERT INTO rows VALUES (?, ?)", (number, row))
        db.execute("UPDATE sums SET total = ? WHERE id = 1", (seen + row,))
        db.execute("COMMIT")
    db.close()


def read():
    db = connect()
    last = 0
    while not finished.is_set():
        count, total = db.execute(
            "SELECT (SELECT count(*) FROM rows), (SELECT total FROM sums WHERE id = 1)").fetchone()
        if count < last:
            errors.append("rows went away")
        last = count
    db.close()


def guarded(work, *args):
    try:
        work(*args)
    except Exception as e:
        errors.append(repr(e))


for mode in "delete", "wal":
    finished = threading.Event()
    db = connect()
    db.execute("PRAGMA journal_mode=" + mode)
    db.execute("PRAGMA synchronous=off")
    db.executescript("""
        DROP TABLE IF EXISTS rows; DROP TABLE IF EXISTS sums;
        CREATE TABLE rows (writer INTEGER, row INTEGER);
        CREATE TABLE sums (id INTEGER PRIMARY KEY, total INTEGER);
        INSERT INTO sums VALUES (1, 0);""")
    writers = [threading.Thread(target=guarded, args=(write, i)) for i in range(WRITERS)]
    readers = [threading.Thread(target=guarded, args=(read,)) for _ in range(READERS)]
    for t in writers + readers:
        t.start()
    for t in writers:
        t.join()
    finished.set()
    for t in readers:
        t.join()
    print(mode, db.execute("SELECT count(*), sum(row) FROM rows").fetchone(),
          db.execute("SELECT total FROM sums").fetchone(), db.execute("PRAGMA integrity_check").fetchone())
    db.close()

# One connection for all threads, which libsqlite itself keeps apart.
db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
db.execute("CREATE TABLE shared (n INTEGER)")


def insert(number):
    for i in range(100):
        db.execute("INSERT INTO shared VALUES (?)", (number * 100 + i,))


threads = [threading.Thread(target=guarded, args=(insert, i)) for i in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("shared", db.execute("SELECT count(*), sum(n) FROM shared").fetchone())
print("errors", errors)
for name in os.listdir(folder):
    os.unlink(os.path.join(folder, name))
os.rmdir(folder)
sys.exit(bool(errors))
