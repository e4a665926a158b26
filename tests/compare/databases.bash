# shellcheck shell=bash
# MariaDB with its thread for each connection, and PostgreSQL with pgbench. Sourced by scripts/compare-apps.

# maria ARGUMENT...: a client, always native.
maria() { mariadb --no-defaults -uroot -S"$WORK/sock" -BN "$@"; }

# The transfers of ten clients at once: what one account loses another one gets.
maria_transfers() {
    local i pids=()
    maria -e "CREATE DATABASE bank; CREATE TABLE bank.account (id INT PRIMARY KEY, amount INT) ENGINE=InnoDB;
        INSERT INTO bank.account SELECT seq, 1000 FROM (SELECT 1 + a.n + 10 * b.n AS seq FROM
            (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) a,
            (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) b) s"
    for i in $(seq 10); do
        for ((k = 0; k < 50; k++)); do
            echo "BEGIN; UPDATE bank.account SET amount = amount - 1 WHERE id = $((i % 5 + 1));"
            echo "UPDATE bank.account SET amount = amount + 1 WHERE id = $((20 + (i + k) % 10)); COMMIT;"
        done >"transfers.$i"
        maria <"transfers.$i" &
        pids+=($!)
    done
    wait "${pids[@]}"
    maria -e "SELECT COUNT(*), SUM(amount), SUM(IF(id < 6, amount, 0)) FROM bank.account"
}

# A sleeping query is killed, a lock is waited for, a lock is waited for too long.
maria_waits() {
    maria -e "SELECT SLEEP(60)" >slept 2>&1 &
    local sleeper=$!
    until_true 20 maria_finds "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND state = 'User sleep'" id
    maria -e "KILL QUERY $(cat id)"
    wait "$sleeper" || echo "the client ended with $?"
    cat slept
    maria -e "SELECT GET_LOCK('l', 1), SLEEP(0.5), RELEASE_LOCK('l')" &
    local holder=$!
    maria -e "DO SLEEP(0.2); SELECT GET_LOCK('l', 20)" >lock
    wait "$holder"
    cat lock
    maria -e "SET innodb_lock_wait_timeout = 1; BEGIN; UPDATE bank.account SET amount = amount WHERE id = 1; DO SLEEP(4); COMMIT" &
    holder=$!
    maria -e "DO SLEEP(0.5); SET innodb_lock_wait_timeout = 1; UPDATE bank.account SET amount = amount WHERE id = 1" 2>&1 || :
    wait "$holder"
}

maria_finds() { maria -e "$1" >"$2" && [[ -s $2 ]]; }

mariadb_server() {
    rm -rf data slap.* sock
    mariadb-install-db --no-defaults --user=root --datadir="$WORK/data" --auth-root-authentication-method=normal --skip-test-db >install.out 2>&1
    start "$MODE" server mariadbd --no-defaults --user=root --datadir="$WORK/data" --socket="$WORK/sock" --skip-networking \
        --pid-file="$WORK/pid" --innodb-buffer-pool-size=64M "$@"
    until_true 60 mariadb-admin --no-defaults -uroot -S"$WORK/sock" --silent ping >/dev/null 2>&1
    local engine
    for engine in innodb aria; do
        mysqlslap --no-defaults -uroot -S"$WORK/sock" --engine=$engine --concurrency=40 --auto-generate-sql \
            --auto-generate-sql-load-type=mixed --auto-generate-sql-add-autoincrement --number-of-queries=4000 \
            --number-int-cols=3 --number-char-cols=2 --csv="$WORK/slap.$engine"
        echo "mysqlslap $engine: status $?, clients and queries of each $(cut -d, -f6,7 "slap.$engine")"
        figure "$engine $(cut -d, -f3 "slap.$engine") s"
    done
    maria_transfers
    maria_waits
    mariadb-admin --no-defaults -uroot -S"$WORK/sock" shutdown
    collect "$MODE" server 40
    grep -c ERROR "$MODE.server.err" || :
    rm -rf data
}

mariadb_plain() { mariadb_server; }
mariadb_pool() { mariadb_server --thread-handling=pool-of-threads; }

program mariadb mariadb_plain 180 "mariadb-server-core mariadb-client"
program mariadb-pool mariadb_pool 180 "mariadb-server-core mariadb-client"

# PostgreSQL refuses to be root: it is another user then, who must be able to read the library.
postgres_server() {
    local bin as=() port
    bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -n 1)
    mkdir pg
    if ((EUID == 0)); then
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        cp "$LIB" "$WORK/libgreenpatch.so"
        LIB=$WORK/libgreenpatch.so
        chown 65534:65534 pg
    fi
    rm -rf pg/data
    "${as[@]}" "$bin/initdb" --pgdata="$WORK/pg/data" --username=test --auth=trust --no-sync --encoding=UTF8 --locale=C >initdb.log 2>&1
    port=$(free_port)
    start "$MODE" server "${as[@]}" "$bin/postgres" -D "$WORK/pg/data" -k "$WORK/pg" -p "$port" -c listen_addresses=127.0.0.1 \
        -c fsync=off -c max_connections=60 -c shared_buffers=32MB -c dynamic_shared_memory_type=mmap -c max_parallel_workers_per_gather=4 \
        -c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 -c parallel_tuple_cost=0
    until_true 60 "$bin/pg_isready" -q -h "$WORK/pg" -p "$port" -U test -d postgres
    local to=(-h "$WORK/pg" -p "$port" -U test)
    foreground "$MODE" fill 60 "$bin/pgbench" "${to[@]}" -i -q -n -s 2 postgres
    foreground "$MODE" bench 100 "$bin/pgbench" -h 127.0.0.1 -p "$port" -U test -n -c 16 -j 4 -t 100 postgres
    grep 'actually processed' "$MODE.bench.out"
    foreground "$MODE" select 100 "$bin/pgbench" "${to[@]}" -n -S -M prepared -c 16 -j 4 -t 500 postgres
    grep 'actually processed' "$MODE.select.out"
    figure "$(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$MODE.bench.out") and $(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$MODE.select.out") transactions a second"
    "$bin/psql" -X "${to[@]}" postgres -Atc "SELECT (SELECT count(*) FROM pgbench_history), (SELECT sum(abalance) FROM pgbench_accounts) =
        (SELECT sum(delta) FROM pgbench_history)" -c "SELECT count(*), sum(aid) FROM pgbench_accounts" -c "VACUUM ANALYZE pgbench_accounts" \
        -c "CREATE INDEX i ON pgbench_accounts (abalance)" -c "SELECT count(*) FROM pgbench_accounts a JOIN pgbench_accounts b USING (aid)"
    kill -INT "${PID_OF[$MODE.server]}"
    collect "$MODE" server 30
    rm -rf pg
}

program pgbench postgres_server 200 postgresql
