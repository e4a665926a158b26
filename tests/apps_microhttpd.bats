#!/usr/bin/env bats
# libmicrohttpd with a thread for each connection, whose handlers block: streams and long polls.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

@test "libmicrohttpd: 30 streams, 30 long polls and posts at once" {
    local mode port
    for mode in native shim traps; do
        begin "$mode" server mhd_server
        port=$(port_of "$mode" server)
        run_to_end native "client-$mode" 60 "$PYTHON" "$ROOT/tests/python/mhd_client.py" "$port" 30
        stop "$mode" server
    done
    cat "$WORK/native.client-native.out"
    grep -qx '32 messages, at most 30 waited for one at once' "$WORK/native.server.out"
    same native.client-native.out native.client-shim.out
    same native.client-native.out native.client-traps.out
    as_natively server
}
