#!/usr/bin/env bats
# A chat with long polling in Python, in the style of the gevent tutorial, but threaded and unmodified.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

@test "python chat over http: 25 users poll, talk and stream; both under the shim" {
    local mode port
    for mode in native shim traps; do
        begin "$mode" server "$PYTHON" "$ROOT/tests/python/chat_http.py" 2
        port=$(port_of "$mode" server)
        run_to_end "$mode" users 90 "$PYTHON" "$ROOT/tests/python/chat_http_client.py" "$port" 25
        stop "$mode" server
    done
    cat "$WORK/native.users.out"
    grep -qx 'had everything in order: 25 of 25' "$WORK/native.users.out"
    grep -qx 'had the whole stream: 25 of 25' "$WORK/native.users.out"
    as_natively server users
}
