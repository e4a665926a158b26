#!/usr/bin/env bats
# The program of the README's "Write a server": built with the two commands that stand there, and asked.

load helpers

setup() {
    [ -e "$BUILD/libgreenpatch-web.a" ] || skip "the web library is not built here (make web says what is missing)"
    cd "$BATS_TEST_TMPDIR" || return
    awk '/^## / { here = $0 == "## Write a server" } here' "$ROOT/README.md" >section
    awk '/^```c$/ { code = 1; next } /^```$/ { code = 0 } code' section >server.c
    grep '^    cc -o server ' section >commands
    ln -s "$ROOT/include" include
    ln -s "$BUILD" build
}

# TERM, which timeout passes on to the server.
teardown() { [ -z "${pid-}" ] || kill "$pid" 2>/dev/null || true; }

# build N [NAME=VALUE...]: by the N-th command.
build() {
    local command
    command=$(sed -n "${1}p" commands)
    shift
    env "$@" sh -c "$command" >log 2>&1 || fail "$command: $(cat log)"
}

# It listens, says hello, streams, and its WebSocket says what it hears.
asked() {
    local port
    for _ in 1 2 3 4 5; do # a port that was free a moment ago
        port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        timeout 60 env "$@" ./server "127.0.0.1:$port" 2>err 3>&- &
        pid=$!
        for _ in $(seq 300); do
            curl -s "http://127.0.0.1:$port/" >hello && break 2
            kill -0 $pid 2>/dev/null || break
            sleep 0.01
        done
    done
    [ "$(cat hello)" = hello ] || fail "expected hello, came $(cat hello err)" || return 1
    [ "$(curl -sN "http://127.0.0.1:$port/count" | tr '\n' ' ')" = "1 2 3 " ] || fail "the stream is another one" || return 1
    /usr/bin/python3 - "ws://127.0.0.1:$port/echo" <<'PY' || fail "the WebSocket says something else"
import sys, websocket
s = websocket.create_connection(sys.argv[1], timeout=10)
s.send('word')
assert s.recv() == 'word'
s.close()
PY
    kill "$pid"
    wait "$pid" || true
    pid=
}

@test "web readme: the program, from the source tree" {
    build 1
    asked
}

@test "web readme: the program, installed" {
    local lib=$PWD/stage/usr/local/lib
    timeout 120 make -s -C "$ROOT" install DESTDIR="$PWD/stage" 3>&- >log 2>&1 || fail "make install: $(tail log)"
    rm include build
    sed -i 's/pkg-config/& --define-prefix/' commands
    build 2 PKG_CONFIG_PATH="$lib/pkgconfig"
    asked LD_LIBRARY_PATH="$lib"
}
