#!/usr/bin/env bats
# libpq in 20 threads that block, against a real PostgreSQL server, which the test starts in a folder of its own.

load apps_helpers

setup() {
    real_setup
    POSTGRES=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -n 1)
    # The server refuses to be root: then it is nobody, in a folder that nobody can reach (that of the test cannot).
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
    echo password >"$WORK/password"
    chmod 644 "$WORK/password"
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
