#!/usr/bin/env bats
# Servers that block in a thread for each connection, and peers that are silent, slow, or gone: the others are answered,
# and afterwards no descriptor and no thread is left, under the shim as natively.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

# threads_of MODE: how many threads the server has: the kernel's natively, greenlets under the shim.
threads_of() {
    if [[ $1 == native ]]; then
        kernel_threads "${PID_OF[$1.server]}"
    else
        "$ROOT/scripts/greenpatch" ps "${PID_OF[$1.server]}" 2>&1 | sed -n 's/^\([0-9]*\) greenlets\{0,1\} in process .*/\1/p'
    fi
}

# rest MODE: what the server holds: descriptors (seen from outside, with the shim's own) and threads.
rest() {
    local open=("/proc/${PID_OF[$1.server]}/fd/"*)
    echo "${#open[@]} $(threads_of "$1")"
}

at_rest() { [[ $(rest "$1") == "$2" ]]; }

# what_is PID: what it has open, and what it does.
what_is() {
    tr '\0' ' ' <"/proc/$1/cmdline"
    ls -l "/proc/$1/fd"
    grep -E '^(Name|State|Pid|PPid|Threads|SigCgt)' "/proc/$1/status"
}

# peers REQUEST END [LARGE]: the server is given as an array, $server.
peers() {
    local mode port before
    for mode in native shim traps; do
        begin "$mode" server "${server[@]}"
        port=$(port_of "$mode" server)
        # What is made once and kept, by the server and by us, is there after the first round.
        run_to_end native "first-$mode" 60 "$PYTHON" "$ROOT/tests/python/bad_peers.py" "$port" "$@"
        until_true 20 quiet "$mode"
        before=$(rest "$mode")
        run_to_end native "peers-$mode" 60 "$PYTHON" "$ROOT/tests/python/bad_peers.py" "$port" "$@"
        until_true 20 at_rest "$mode" "$before" ||
            { echo "now: $(rest "$mode")"; what_is "${PID_OF[$mode.server]}"; return 1; }
        echo "$mode: at rest descriptors and threads: $before"
        stop "$mode" server
    done
    grep -qx 'answered 12 of 12 and 6 halves' "$WORK/native.peers-native.out"
    same native.peers-native.out native.peers-shim.out
    same native.peers-native.out native.peers-traps.out
    on_few_threads server
    on_traps_only server
}

# quiet MODE: the server has as many threads as before anybody came.
quiet() { (($(threads_of "$1") <= resting)); }

@test "chat server: silent, slow and vanishing peers" {
    server=(chat_server) resting=2
    peers 'NICK x\nJOIN y\nNONSENSE\n' '?\n'
}

@test "libmicrohttpd: silent, slow and vanishing peers, and some that never read" {
    server=(mhd_server) resting=2
    peers 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n' 'hello world\n' 'GET /stream?n=2000000000 HTTP/1.1\r\nHost: x\r\n\r\n'
}

@test "OpenSSL: peers that break off before and in the handshake" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
        -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
    # A record of the handshake whose content is no message: the server answers an alert (21) and ends.
    server=(tls_server "$WORK/cert.pem" "$WORK/key.pem") resting=2
    peers '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00' '\x15\x03'
}
