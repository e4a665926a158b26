#!/usr/bin/env bats
# sqlite3, the program, and libsqlite in a program with threads; unmodified.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() { real_teardown; }

# sql MODE NAME FILE: statements from standard input.
sql() {
    cat >"$WORK/statements"
    # shellcheck disable=SC2016
    foreground "$1" "$2" 60 sh -c 'exec sqlite3 -batch "$1" <"$2"' sh "$3" "$WORK/statements"
}

@test "sqlite3: tables, indexes, transactions, a sort with helper threads, import and dump" {
    local mode
    "$PYTHON" -c 'for i in range(5000): print(i, i * 7919 % 5003, "word%d" % (i % 97), sep=",")' >"$WORK/rows.csv"
    for mode in native shim; do
        sql "$mode" fill "$WORK/$mode.db" <<END
PRAGMA journal_mode=WAL;
PRAGMA threads=4;
CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
.mode csv
.import $WORK/rows.csv t
PRAGMA cache_size=20;
CREATE INDEX sorted ON t(c, b);
BEGIN; UPDATE t SET b = b + 1 WHERE a % 3 = 0; ROLLBACK;
BEGIN; UPDATE t SET b = b + 1 WHERE a % 3 = 1; COMMIT;
SELECT count(*), sum(b), min(c), max(c) FROM t;
SELECT c, sum(b) FROM t GROUP BY c ORDER BY sum(b) DESC LIMIT 5;
VACUUM;
PRAGMA integrity_check;
END
        sql "$mode" dump "$WORK/$mode.db" <<<.dump
    done
    same native.fill.out shim.fill.out
    same native.dump.out shim.dump.out
    grep -qx ok "$WORK/shim.fill.out"
    on_few_threads fill dump
}

@test "sqlite3: two processes wait for each other's lock" {
    local mode i
    for mode in native shim; do
        sql "$mode" make "$WORK/$mode.db" <<<'CREATE TABLE t(n INTEGER); INSERT INTO t VALUES (0);'
        for i in $(seq 60); do echo 'BEGIN IMMEDIATE; UPDATE t SET n = n + 1; COMMIT;'; done >"$WORK/add"
        for i in 1 2 3; do
            start "$mode" "add$i" sh -c 'exec sqlite3 -batch -cmd ".timeout 30000" "$1" <add' sh "$WORK/$mode.db"
        done
        for i in 1 2 3; do collect "$mode" "add$i" 60; done
        sql "$mode" count "$WORK/$mode.db" <<<'SELECT n FROM t;'
    done
    same native.count.out shim.count.out
    grep -qx 180 "$WORK/shim.count.out"
    on_few_threads make add1 add2 add3 count
}

@test "sqlite3 in python: writers and readers in ten threads, and one connection for eight" {
    compare_python databases.py
}
