#!/usr/bin/env bats
# The HTTP server of the web library: build/web/serve (tests/web/serve.c) against clients that misbehave (tests/web/cases.py).
# Each test starts a server of its own, stops it gracefully, and looks that nothing is left.

load helpers

setup() {
    [ -x "$BUILD/web/serve" ] || skip "the web library is not built here (make web says what is missing)"
    cd "$BATS_TEST_TMPDIR" || return
    mkdir -p root/sub
    echo '<p>page</p>' >root/page.html
    echo secret >secret
    ln -s page.html root/inside
    ln -s ../secret root/outside
    mkfifo root/fifo
    python3 -c 'open("root/large.bin", "wb").write(bytes(range(256)) * 4096)'
}

# start [NAME=VALUE...]: a server; its address in $address.
start() {
    : >out # not what an earlier one has said
    timeout -k 2 120 env WEB_ROOT="$PWD/root" "$@" "$BUILD/web/serve" ${ARGS-127.0.0.1:0} >out 2>err 3>&- &
    launcher=$!
    for _ in $(seq 500); do
        address=$(sed -n 's/^ready //p' out)
        [ -z "$address" ] || break
        sleep 0.01
    done
    [ -n "$address" ] || fail "no server: $(cat err)" || return 1
    server=$(pgrep -P $launcher)
}

# stop: the server ends by itself, and leaves nothing.
stop() {
    kill -TERM "$server" 2>/dev/null || true
    wait $launcher || fail "the server: $(status_name $?): $(cat err)" || return 1
    grep -q '^stopped 0: 0 connections left, .* 0 greenlets and 0 descriptors more$' out || fail "left behind: $(cat out)"
}

teardown() {
    [ -z "${launcher-}" ] || kill -KILL $launcher ${server-} 2>/dev/null || true
}

# one CASE [NAME=VALUE...]
one() {
    local name=$1
    shift
    start "$@" || return 1
    timeout -k 2 100 python3 "$ROOT/tests/web/cases.py" "$address" "$name" "$server" ${CERTIFICATE-} 3>&- || return 1
    stop
}

@test "web http: pipelined requests are answered in order" { one pipelining; }
@test "web http: keep-alive and HTTP/1.0" { one keep_alive; }
@test "web http: HEAD has the head alone" { one head; }
@test "web http: bodies of known length and in chunks, however they are cut" { one bodies; }
@test "web http: Expect: 100-continue" { one continue; }
@test "web http: bodies that nobody reads" { one unread_bodies; }
@test "web http: forms, fields, paths" { one forms_and_headers; }
@test "web http: a handler that fails is 500, and an answer that is cut does not look whole" { one handler_errors; }
@test "web http: an answer that is cut ends in no peace, whatever its form" { one cut; }
@test "web http: a request byte by byte" { one byte_by_byte; }
@test "web http: what is no request is refused with the right status" { one malformed; }
@test "web http: request smuggling is refused" { one smuggling; }
@test "web http: too long, too many, too large" { one too_much; }
@test "web http: a header that never ends" { one header_flood; }
@test "web http: files are those of the directory and no others" { one paths; }
@test "web http: ranges, dates" { one ranges; }
@test "web http: clients that are too slow" { one too_slow WEB_HEAD_TIME=300 WEB_BODY_TIME=300 WEB_IDLE_TIME=300; }
@test "web http: clients that never read" { one never_reads WEB_WRITE_TIME=300; }
@test "web http: a slow reader gets all" { one slow_reader; }
@test "web http: resets at every stage leave nothing" { one resets; }
@test "web http: a client that goes away ends the handler's wait" { one gone; }
@test "web http: SIGTERM under load loses no request" { one stop; }

@test "web http: 10,000 idle connections while others are served" {
    ulimit -n "$(ulimit -Hn)"
    one idle
}

@test "web http: the access log is in the common format, and cannot be forged" {
    start WEB_LOG=1
    curl -s "http://$address/" >/dev/null
    curl -s "http://$address/a%22b?c=\"d" >/dev/null
    stop
    grep -qE '^127\.0\.0\.1 - - \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} \+0000\] "GET / HTTP/1\.1" 200 12$' err || fail "came $(cat err)"
    [ "$(wc -l <err)" = 2 ]
}

@test "web http: over a Unix socket, over IPv6" {
    ARGS=unix:$PWD/socket start
    [ "$(curl -s --unix-socket "$PWD/socket" http://x/)" = "hello world" ]
    stop
    [ ! -e socket ] || fail "the path is left"
    ARGS='[::1]:0' start || skip "no IPv6 here"
    [ "$(curl -s "http://$address/")" = "hello world" ]
    stop
}

# certificate: cert.pem and key.pem.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key.pem -out cert.pem \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
}

@test "web http: through TLS" {
    certificate
    ARGS="127.0.0.1:0 cert.pem key.pem" start
    [ "$(curl -s --cacert cert.pem "https://$address/")" = "hello world" ]
    head -c 700000 /dev/urandom >body
    curl -s --cacert cert.pem --data-binary @body "https://$address/echo" | cmp - body
    curl -s --cacert cert.pem "https://$address/files/large.bin" | cmp - root/large.bin
    curl -s "http://$address/" >/dev/null && fail "plain HTTP was answered"
    [ "$(curl -s --cacert cert.pem "https://$address/")" = "hello world" ]
    stop
}

# through_tls CASES [NAME=VALUE...]
through_tls() {
    certificate
    ARGS="127.0.0.1:0 cert.pem key.pem" CERTIFICATE=cert.pem one "$@"
}

@test "web http: through TLS: clients that misbehave and vanish leave nothing" {
    ROUNDS=2 through_tls malformed,header_flood,cut,resets,gone,ws_resets
}

@test "web http: through TLS: clients that are slow, or take nothing" {
    through_tls too_slow,tls_pieces,slow_reader,never_reads,ws_slow,ws_floods WEB_HEAD_TIME=300 WEB_BODY_TIME=300 WEB_IDLE_TIME=300 \
        WEB_WRITE_TIME=300
}
