#!/usr/bin/env bats
# hiredis in 20 threads that block, against a real redis-server.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

# start_redis MODE: sets $port.
start_redis() {
    port=$(free_port)
    begin "$1" server redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$WORK" --daemonize no
    until_true 15 listens "$port"
}

@test "hiredis: 20 threads store, pipeline, wait for each other's lists, subscribe and time out" {
    local mode
    start_redis native
    for mode in native shim traps; do
        run_to_end "$mode" client 60 redis_threads "$port" 20
    done
    stop native server
    tail -n 2 "$WORK/native.client.out"
    [[ $(grep -c ': 50 stored, 1000 pipelined, popped .*, 50 published, timed out' "$WORK/native.client.out") == 20 ]]
    grep -qx 'counter 1000, keys 1021' "$WORK/native.client.out"
    as_natively client
}

@test "hiredis: the server under the shim as well" {
    local mode
    for mode in native shim; do
        start_redis "$mode"
        run_to_end "$mode" client 60 redis_threads "$port" 20
        stop "$mode" server
    done
    as_natively client
    on_few_threads server
}
