#!/usr/bin/env bats
# redis-server, redis-cli and redis-benchmark, unmodified.

load real_helpers
export BATS_TEST_TIMEOUT=180

setup() { real_setup; }
teardown() { real_teardown; }

# start_redis MODE args...: sets $port.
start_redis() {
    local mode=$1
    shift
    port=$(free_port)
    start "$mode" server redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$WORK" --daemonize no \
        --enable-debug-command local "$@"
    until_true 15 answers_ping
}

answers_ping() { [[ $(redis-cli -p "$port" ping 2>/dev/null) == PONG ]]; }

# cli MODE NAME: commands from standard input, one a line.
cli() {
    cat >"$WORK/commands"
    # shellcheck disable=SC2016
    foreground "$1" "$2" 30 sh -c 'exec redis-cli -p "$1" <"$2"' sh "$port" "$WORK/commands"
}

# calls COMMAND: how often the server was asked for it.
calls() { redis-cli -p "$port" info commandstats | sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p"; }

@test "redis: PING, SET, GET, a blocking pop, a large value and a saved data set are as natively" {
    local mode i
    for mode in native shim; do
        start_redis "$mode"
        for i in $(seq 500); do echo "SET key:$i value-$i"; echo "RPUSH list:$((i % 7)) $i"; done | cli "$mode" fill
        printf '%s\n' PING 'GET key:77' 'INCR counter' 'INCR counter' 'LRANGE list:3 0 4' 'DBSIZE' 'DEBUG DIGEST' \
            'SETRANGE large 1000000 x' 'STRLEN large' 'GETRANGE large 999999 1000000' | cli "$mode" ask
        printf '%s\n' 'BLPOP nothing 0.2' 'EVAL "return redis.call(\"GET\", KEYS[1])" 1 key:5' | cli "$mode" block
        # BGSAVE forks; the child writes the file and the parent is told by wait.
        redis-cli -p "$port" bgsave
        until_true 20 saved
        test -s "$WORK/dump.rdb"
        stop "$mode" server
        rm "$WORK/dump.rdb"
    done
    for i in fill ask block; do same "native.$i.out" "shim.$i.out"; done
    on_few_threads server fill ask block
}

saved() {
    local info
    info=$(redis-cli -p "$port" info persistence | tr -d '\r')
    grep -qx 'rdb_bgsave_in_progress:0' <<<"$info" && grep -qx 'rdb_last_bgsave_status:ok' <<<"$info" &&
        grep -qx 'rdb_saves:[1-9][0-9]*' <<<"$info"
}

@test "redis: redis-benchmark with 4 threads and 50 connections; both under the shim" {
    local mode
    for mode in native shim; do
        start_redis "$mode"
        foreground "$mode" benchmark 100 redis-benchmark -p "$port" -t ping,set,get,incr,lpush -n 20000 -c 50 \
            --threads 4 --csv
        cut -d, -f1 "$WORK/$mode.benchmark.out" >"$WORK/$mode.tests"
        { calls set; calls get; calls incr; calls lpush; redis-cli -p "$port" debug digest; } >"$WORK/$mode.done"
        stop "$mode" server
    done
    same native.tests shim.tests
    same native.done shim.done
    grep -qx 20000 "$WORK/shim.done"
    on_few_threads server benchmark
}

@test "redis: four I/O threads that spin and wait for each other" {
    local mode
    for mode in native shim; do
        start_redis "$mode" --io-threads 4 --io-threads-do-reads yes
        foreground "$mode" benchmark 100 redis-benchmark -p "$port" -t set,get -n 10000 -c 50 -P 4 --csv
        { calls set; calls get; redis-cli -p "$port" debug digest; } >"$WORK/$mode.done"
        stop "$mode" server
    done
    same native.done shim.done
    on_few_threads server benchmark
}
