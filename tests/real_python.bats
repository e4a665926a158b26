#!/usr/bin/env bats
# /usr/bin/python3, unmodified: each script prints the same natively and under the shim.

load real_helpers
export BATS_TEST_TIMEOUT=150

setup() { real_setup; }
teardown() { real_teardown; }

@test "python3: threading: locks, conditions, events, semaphores, barriers, timers, a spinning thread" {
    compare_python threads.py
}

@test "python3: queue: producers and workers over bounded queues, timeouts" {
    compare_python queues.py
}

@test "python3: ThreadingHTTPServer and urllib clients in one process" {
    compare_python http_inside.py
}

@test "python3: subprocess, fork and posix_spawn from a dozen threads" {
    compare_python subprocesses.py
}

@test "python3: concurrent.futures: a thread pool and a process pool" {
    compare_python futures.py
}

@test "python3: selectors: select, poll and epoll servers with blocking clients" {
    compare_python selecting.py
}

@test "python3: ThreadingHTTPServer with 200 connections at once from another process" {
    local mode port
    for mode in native shim; do
        start "$mode" server "$PYTHON" "$ROOT/tests/python/http_server.py" 0.1
        until_true 15 grep -q '^port ' "$WORK/$mode.server.out"
        port=$(sed -n 's/^port //p' "$WORK/$mode.server.out")
        foreground "$mode" client 60 "$PYTHON" "$ROOT/tests/python/http_client.py" "$port" 200 3
        stop "$mode" server
        grep -qx 'served 600' "$WORK/$mode.server.out"
    done
    same native.client.out shim.client.out
    on_few_threads server client
}
