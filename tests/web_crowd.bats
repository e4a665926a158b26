#!/usr/bin/env bats
# Many WebSocket clients at once, the short form of what scripts/bench-web does with 10,000 and 1,000 (tests/web/crowd.c).

load helpers

setup() {
    [ -x "$BUILD/web/crowd" ] || skip "the web library is not built here (make web says what is missing)"
    cd "$BATS_TEST_TMPDIR" || return
    ulimit -n "$(ulimit -Hn)"
}

teardown() { [ -z "${pid-}" ] || kill -KILL "$pid" 2>/dev/null || true; }

# start PROGRAM: its address in $address, its process in $pid.
start() {
    "$BUILD/$1" 127.0.0.1:0 >out 2>err 3>&- &
    pid=$!
    for _ in $(seq 500); do
        address=$(sed -n 's/^ready //p' out)
        [ -z "$address" ] || return 0
        sleep 0.01
    done
    fail "no server: $(cat err)"
}

# crowd WHAT COUNT HOW_MUCH: nothing is lost, and the server ends by itself.
crowd() {
    timeout -k 2 100 "$BUILD/web/crowd" "$1" "$address" "$pid" "$2" "$3" 3>&- || return 1
    kill -TERM "$pid"
    wait "$pid" || fail "the server: $(status_name $?): $(cat err)"
}

@test "web crowd: 500 clients get a message a second, and none is lost" {
    start web/serve
    crowd ticks 500 3
}

@test "web crowd: 100 users in one room hear every line once, in order" {
    start examples/chat
    crowd chat 100 50
}
