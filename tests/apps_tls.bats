#!/usr/bin/env bats
# TLS connections at once: openssl s_server serves one after the other, so here is a server with a thread for each, and
# clients that must all be there before one is answered.

load apps_helpers

setup() {
    real_setup
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
}
teardown() { real_teardown; }

@test "OpenSSL: 20 connections that wait for each other, uploads and downloads at once; curl under the shim as well" {
    local mode i port meet files
    make_file 500000 "$WORK/upload"
    for mode in native shim traps; do
        begin "$mode" server tls_server "$WORK/cert.pem" "$WORK/key.pem"
        port=$(port_of "$mode" server)
        meet=() files=()
        for i in $(seq 20); do
            meet+=(-o "$WORK/$mode.meet-$i" "https://localhost:$port/meet?20")
            files+=(-o "$WORK/$mode.file-$i" "https://localhost:$port/send?$((i * i * 1000))")
        done
        run_to_end "$mode" meeting 60 curl --parallel --parallel-immediate --no-progress-meter --fail --http1.1 \
            --cacert "$WORK/cert.pem" "${meet[@]}"
        run_to_end "$mode" files 60 curl --parallel --parallel-immediate --no-progress-meter --fail --http1.1 \
            --cacert "$WORK/cert.pem" "${files[@]}"
        for i in 1 2 3; do
            begin "$mode" "upload$i" curl --no-progress-meter --fail --cacert "$WORK/cert.pem" \
                --data-binary "@$WORK/upload" -H Expect: "https://localhost:$port/echo"
        done
        for i in 1 2 3; do
            collect "$mode" "upload$i" 60
            cmp "$WORK/upload" "$WORK/$mode.upload$i.out"
        done
        cat "$WORK/$mode".meet-{1..20} >"$WORK/$mode.meet"
        cat "$WORK/$mode".file-{1..20} >"$WORK/$mode.file"
        stop "$mode" server
    done
    grep -q '^[0-9]* connections, 43 requests, 1 meetings$' "$WORK/native.server.out"
    [[ $(grep -c '^met$' "$WORK/shim.meet") == 20 ]]
    for mode in shim traps; do
        same native.meet "$mode.meet"
        same native.file "$mode.file"
    done
    sed -i 's/^[0-9]* connections/connections/' "$WORK"/*.server.out # curl uses one twice when that comes about
    as_natively server meeting files
    on_few_threads upload1 upload2 upload3
}

@test "OpenSSL: who breaks off the handshake, or speaks no TLS, disturbs nobody" {
    local mode port i
    for mode in native shim; do
        begin "$mode" server tls_server "$WORK/cert.pem" "$WORK/key.pem"
        port=$(port_of "$mode" server)
        for i in 1 2 3; do
            exec {silent}<>"/dev/tcp/127.0.0.1/$port" # stays open without a word
            curl --no-progress-meter --max-time 20 "http://127.0.0.1:$port/" >"$WORK/http" 2>&1 && return 1
            curl --no-progress-meter --max-time 20 "https://localhost:$port/echo" >"$WORK/http" 2>&1 && return 1
            run_to_end "$mode" get 30 curl --no-progress-meter --fail --cacert "$WORK/cert.pem" "https://localhost:$port/send?100"
            exec {silent}>&-
        done
        stop "$mode" server
    done
    as_natively server get
}
