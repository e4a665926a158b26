#!/usr/bin/env bats
# libpq in 20 threads that block, against a real PostgreSQL server, which the test starts in a folder of its own.

load apps_helpers

setup() {
    real_setup
    POSTGRES=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -n 1)
    # The server refuses to be root. Then it is another user, who may not enter the folder of the test.
    AS=()
    if ((EUID == 0)); then
        WORK=$(mktemp -d /tmp/greenpatch-pg.XXXXXX)
        chmod 711 "$WORK"
        AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        cp "$LIB" "$WORK/libgreenpatch.so"
        LIB=$WORK/libgreenpatch.so
    fi
    mkdir "$WORK/pg"
    ((EUID)) || chown 65534:65534 "$WORK/pg"
    "${AS[@]}" "$POSTGRES/initdb" --pgdata="$WORK/pg/data" --username=test --auth=trust --no-sync --encoding=UTF8 \
        --locale=C >"$WORK/initdb.log" 2>&1 || { cat "$WORK/initdb.log"; return 1; }
}

teardown() {
    local failed=0
    real_teardown || failed=1
    [[ $WORK == /tmp/greenpatch-pg.* ]] && rm -rf "$WORK"
    return $failed
}

# start_postgres MODE: listens on a socket in its folder and on a free port of loopback.
start_postgres() {
    port=$(free_port)
    begin "$1" server "${AS[@]}" "$POSTGRES/postgres" -D "$WORK/pg/data" -k "$WORK/pg" -p "$port" \
        -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60 -c shared_buffers=16MB -c dynamic_shared_memory_type=mmap
    until_true 60 "$POSTGRES/pg_isready" -q -h "$WORK/pg" -p "$port" -U test -d postgres
}

# stop_postgres MODE: SIGINT is its fast shutdown.
stop_postgres() { stop "$1" server INT; }

@test "libpq: 20 threads wait for row locks, copy, listen and are cancelled" {
    local mode
    start_postgres native
    for mode in native shim traps; do
        run_to_end "$mode" client 60 pg_threads "host=$WORK/pg port=$port user=test dbname=postgres" 20
    done
    stop_postgres native
    tail -n 2 "$WORK/native.client.out"
    [[ $(grep -c ': 20 prepared, 200 copied, 1 notified, cancelled with 57014' "$WORK/native.client.out") == 20 ]]
    grep -qx 'counter 400, bulk 4000 of 20 threads' "$WORK/native.client.out"
    as_natively client
}

@test "PostgreSQL under the shim as well: libpq over tcp, psql, pgbench with threads" {
    local mode
    for mode in native shim; do
        start_postgres "$mode"
        run_to_end "$mode" client 90 pg_threads "host=127.0.0.1 port=$port user=test dbname=postgres" 20
        run_to_end "$mode" psql 60 "$POSTGRES/psql" -X -h "$WORK/pg" -p "$port" -U test postgres -c 'CHECKPOINT' \
            -c 'SELECT sum(i), count(*), min(text), max(text) FROM bulk' -c 'VACUUM ANALYZE bulk'
        run_to_end "$mode" fill 60 "$POSTGRES/pgbench" -h "$WORK/pg" -p "$port" -U test -i -q -n postgres
        run_to_end "$mode" bench 90 "$POSTGRES/pgbench" -h "$WORK/pg" -p "$port" -U test -n -c 8 -j 4 -t 20 postgres
        run_to_end "$mode" sums 60 "$POSTGRES/psql" -X -h "$WORK/pg" -p "$port" -U test postgres -Atc \
            "SELECT (SELECT count(*) FROM pgbench_history), (SELECT sum(abalance) FROM pgbench_accounts) =
             (SELECT sum(delta) FROM pgbench_history)"
        stop_postgres "$mode"
    done
    grep -q 'transactions actually processed: 160/160' "$WORK/native.bench.out"
    grep -q 'transactions actually processed: 160/160' "$WORK/shim.bench.out"
    grep -qx '160|t' "$WORK/shim.sums.out"
    as_natively client psql
    on_few_threads server bench sums
}

# sql NAME STATEMENT...: one session of psql in the background, natively; both what came and the errors are kept.
sql() {
    local name=$1 statement args=()
    shift
    for statement; do args+=(-c "$statement"); done
    # shellcheck disable=SC2016
    start native "$name" sh -c 'exec "$@" 2>&1' sh "$POSTGRES/psql" -X -h "$WORK/pg" -p "$port" -U test postgres -At "${args[@]}"
}

# wait_for NAME...: their sessions end.
wait_for() {
    local name
    for name; do collect native "$name" 60 || :; done
}

# sleeping: the process of the server that sleeps for a session.
sleeping() {
    "$POSTGRES/psql" -X -h "$WORK/pg" -p "$port" -U test postgres -Atc \
        "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND wait_event = 'PgSleep'" | grep .
}

counted() { [[ $("$POSTGRES/psql" -X -h "$WORK/pg" -p "$port" -U test postgres -Atc 'SELECT count(*) FROM t' 2>&1) == 50000 ]]; }

@test "PostgreSQL under the shim: parallel workers, time limits, a deadlock, sessions that are ended and killed" {
    local mode i
    for mode in native shim traps; do
        start_postgres "$mode"
        sql "parallel-$mode" 'SET client_min_messages = error' 'DROP TABLE IF EXISTS t, d' \
            'CREATE TABLE t AS SELECT i, i * 7919 % 10007 AS j, md5(i::text) AS m FROM generate_series(1, 50000) i' \
            'ANALYZE t' 'SET min_parallel_table_scan_size = 0' 'SET parallel_setup_cost = 0' 'SET parallel_tuple_cost = 0' \
            'EXPLAIN (COSTS OFF) SELECT count(DISTINCT j), sum(i), max(m) FROM t' \
            'SELECT count(DISTINCT j), sum(i), max(m) FROM t' 'CREATE INDEX ON t(m)' "SELECT count(*) FROM t WHERE m < '4'" \
            'CREATE TABLE d(id int PRIMARY KEY, n int)' 'INSERT INTO d VALUES (1, 0), (2, 0)'
        wait_for "parallel-$mode"
        sql "limit-$mode" "SET statement_timeout = '200ms'" 'SELECT pg_sleep(60)'
        # Each has one row and wants the other's; the server ends one of them.
        sql "lock1-$mode" 'BEGIN' 'UPDATE d SET n = n + 1 WHERE id = 1' 'SELECT pg_sleep(1)' 'UPDATE d SET n = n + 1 WHERE id = 2' COMMIT
        sql "lock2-$mode" 'BEGIN' 'UPDATE d SET n = n + 1 WHERE id = 2' 'SELECT pg_sleep(1)' 'UPDATE d SET n = n + 1 WHERE id = 1' COMMIT
        wait_for "limit-$mode" "lock1-$mode" "lock2-$mode"
        cat "$WORK/native.lock"[12]"-$mode.out" | grep -c 'deadlock detected' >"$WORK/native.deadlock-$mode.out"
        # One that is asked to end, one that is killed: then the server starts all of its processes anew.
        sql "ended-$mode" 'SELECT pg_sleep(60)'
        until_true 20 sleeping
        kill -TERM "$(sleeping)"
        wait_for "ended-$mode"
        sql "killed-$mode" 'SELECT pg_sleep(60)'
        until_true 20 sleeping
        kill -KILL "$(sleeping)"
        wait_for "killed-$mode"
        until_true 30 counted
        stop_postgres "$mode"
    done
    cat "$WORK/native.parallel-native.out" "$WORK/native.killed-native.out"
    grep -q 'Parallel' "$WORK/native.parallel-native.out"
    grep -q 'statement timeout' "$WORK/native.limit-native.out"
    grep -qx 1 "$WORK/native.deadlock-native.out"
    for mode in shim traps; do
        for i in parallel limit deadlock ended killed; do same "native.$i-native.out" "native.$i-$mode.out"; done
    done
    on_few_threads server
    on_traps_only server
}
