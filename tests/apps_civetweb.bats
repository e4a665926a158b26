#!/usr/bin/env bats
# A WebSocket server with civetweb, whose pool of threads blocks in the connections.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

@test "civetweb: text, binary, pings and closing; 30 conversations at once, and a word to all" {
    local mode port
    for mode in native shim traps; do
        begin "$mode" server ws_server
        port=$(port_of "$mode" server)
        run_to_end native "client-$mode" 60 "$PYTHON" "$ROOT/tests/python/ws_client.py" "$port" 30
        curl --no-progress-meter --max-time 20 "http://127.0.0.1:$port/hello" >"$WORK/native.hello-$mode.out"
        stop "$mode" server
    done
    cat "$WORK/native.client-native.out"
    grep -qx '33 connections, 30 at once; 635 texts, 8 binary, 4 pings' "$WORK/native.server.out"
    grep -qx 'hello world' "$WORK/native.hello-shim.out"
    same native.client-native.out native.client-shim.out
    same native.client-native.out native.client-traps.out
    as_natively server
}
