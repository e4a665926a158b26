#!/usr/bin/env bats
# WebSockets of the web library: build/web/serve against clients that misbehave (tests/web/cases.py), as in web_http.bats.

load helpers

setup() {
    [ -x "$BUILD/web/serve" ] || skip "the web library is not built here (make web says what is missing)"
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    [ -z "${launcher-}" ] || kill -KILL $launcher ${server-} 2>/dev/null || true
}

# one CASE [NAME=VALUE...]
one() {
    local name=$1
    shift
    timeout -k 2 120 env "$@" "$BUILD/web/serve" 127.0.0.1:0 >out 2>err 3>&- &
    launcher=$!
    for _ in $(seq 500); do
        address=$(sed -n 's/^ready //p' out)
        [ -z "$address" ] || break
        sleep 0.01
    done
    server=$(pgrep -P $launcher)
    timeout -k 2 100 python3 "$ROOT/tests/web/cases.py" "$address" "$name" "$server" 3>&- || return 1
    kill -TERM "$server"
    wait $launcher || fail "the server: $(status_name $?): $(cat err)" || return 1
    grep -q '^stopped 0: 0 connections left, .* 0 greenlets and 0 descriptors more$' out || fail "left behind: $(cat out)"
}

@test "web websocket: text, binary, fragments, pings, close" { one ws_messages; }
@test "web websocket: what asks for none, or wrongly, is refused" { one ws_refused; }
@test "web websocket: what breaks the protocol is closed with the right code" { one ws_protocol; }
@test "web websocket: floods and peers that read nothing" { one ws_floods WEB_WRITE_TIME=500; }
@test "web websocket: slow readers and writers get all" { one ws_slow; }
@test "web websocket: silent peers are pinged and given up" { one ws_silent WEB_PING_TIME=100; }
@test "web websocket: resets leave nothing" { one ws_resets; }
