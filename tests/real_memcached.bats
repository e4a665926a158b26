#!/usr/bin/env bats
# memcached -t 4, unmodified, under load.

load real_helpers
export BATS_TEST_TIMEOUT=150

setup() { real_setup; }
teardown() { real_teardown; }

# start_memcached MODE: sets $port.
start_memcached() {
    local user=()
    ((EUID)) || user=(-u root)
    port=$(free_port)
    start "$1" server /usr/bin/memcached -t 4 -l 127.0.0.1 -p "$port" -U 0 -m 64 "${user[@]}"
    until_true 15 listens "$port"
}

# answers COMMAND: what the server says to one line.
answers() {
    exec {ask}<>"/dev/tcp/127.0.0.1/$port"
    printf '%s\r\nquit\r\n' "$1" >&"$ask"
    timeout 10 cat <&"$ask" | tr -d '\r'
    exec {ask}>&-
}

@test "memcached: 40 threads of a client that blocks get what they stored" {
    local mode counters
    counters='threads|cmd_get|cmd_set|get_hits|get_misses|incr_hits|delete_hits|curr_items|total_connections'
    for mode in native shim; do
        start_memcached "$mode"
        foreground "$mode" client 60 "$PYTHON" "$ROOT/tests/python/memcached_client.py" "$port" 40 100
        answers stats | grep -E "^STAT ($counters) " >"$WORK/$mode.stats"
        stop "$mode" server
    done
    cat "$WORK/native.stats"
    grep -qx 'STAT threads 4' "$WORK/native.stats"
    same native.client.out shim.client.out
    same native.stats shim.stats
    on_few_threads server client
}

@test "memcached: memcslap with 32 connections; both under the shim" {
    command -v memcslap >/dev/null || skip "no memcslap (libmemcached-tools)"
    local mode
    for mode in native shim; do
        start_memcached "$mode"
        foreground "$mode" load 60 memcslap --servers="127.0.0.1:$port" --concurrency=32 --execute-number=400 --test=set
        answers stats | grep -E '^STAT (cmd_set|cmd_get) ' >"$WORK/$mode.stats"
        stop "$mode" server
    done
    cat "$WORK/native.stats"
    grep -qE '^STAT cmd_set [1-9][0-9]{3,}$' "$WORK/native.stats"
    same native.stats shim.stats
    on_few_threads server load
}
