#!/usr/bin/env bats
# libcurl's easy interface in 50 threads, each of which looks up a name and blocks.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

# serve_pages MODE: every request blocks for 0.2 s in a thread of its own; sets $port.
serve_pages() {
    begin "$1" server "$PYTHON" "$ROOT/tests/python/http_server.py" 0.2
    port=$(port_of "$1" server)
}

@test "libcurl: 50 threads fetch pages by name; one is too slow, one is not served, one has no host" {
    local mode
    serve_pages native
    for mode in native shim traps; do
        run_to_end "$mode" fetch 60 http_fetch "http://localhost:$port" 50 4
    done
    stop native server
    head -n 3 "$WORK/native.fetch.out"
    [[ $(grep -c ': 4 pages over 4 connections, 4096 bytes, .*; Timeout was reached; Couldn.t connect to server; Couldn.t resolve host name$' \
        "$WORK/native.fetch.out") == 50 ]]
    as_natively fetch
}

@test "libcurl: server and client under the shim" {
    local mode
    for mode in native shim; do
        serve_pages "$mode"
        run_to_end "$mode" fetch 60 http_fetch "http://127.0.0.1:$port" 50 2
        stop "$mode" server
    done
    as_natively fetch
    on_few_threads server
}
