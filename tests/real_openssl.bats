#!/usr/bin/env bats
# openssl s_server and curl over https, unmodified, with a certificate made for the test.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() { real_teardown; }

# make_certificate: for localhost, good for a day.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
}

@test "openssl s_server and curl: files over https, one after the other and at once; both under the shim" {
    local mode i args
    make_certificate
    mkdir "$WORK/site"
    for i in 1 2 3 4 5 6; do make_file $((i * i * i * 9001)) "$WORK/site/file-$i"; done
    for mode in native shim; do
        port=$(free_port)
        # shellcheck disable=SC2016
        start "$mode" server sh -c 'cd site && exec openssl s_server -quiet -accept "127.0.0.1:$1" -cert ../cert.pem -key ../key.pem -WWW' \
            sh "$port"
        until_true 15 listens "$port"
        args=()
        mkdir "$WORK/$mode.files"
        for i in 1 2 3 4 5 6; do args+=(-o "$WORK/$mode.files/file-$i" "https://localhost:$port/file-$i"); done
        foreground "$mode" one 60 curl --no-progress-meter --fail --cacert "$WORK/cert.pem" "${args[@]}"
        diff -r "$WORK/site" "$WORK/$mode.files"
        rm "$WORK/$mode.files"/*
        foreground "$mode" parallel 60 curl --parallel --no-progress-meter --fail --cacert "$WORK/cert.pem" "${args[@]}"
        diff -r "$WORK/site" "$WORK/$mode.files"
        kill -TERM "${PID_OF[$mode.server]}"
        collect "$mode" server 15 || (($? == 143))
    done
    on_few_threads server one parallel
}

@test "curl: a certificate that nobody vouches for is refused as natively" {
    local mode status
    make_certificate
    for mode in native shim; do
        port=$(free_port)
        start "$mode" server openssl s_server -quiet -accept "127.0.0.1:$port" -cert cert.pem -key key.pem -www
        until_true 15 listens "$port"
        status=0
        foreground "$mode" curl 30 curl --no-progress-meter "https://localhost:$port/" || status=$?
        echo "$status" >"$WORK/$mode.status"
        kill -TERM "${PID_OF[$mode.server]}"
        collect "$mode" server 15 || (($? == 143))
    done
    same native.status shim.status
    grep -qx 60 "$WORK/shim.status"
    on_few_threads server curl
}

@test "openssl: keys, signatures and speed with four processes" {
    local mode
    make_certificate
    make_file 2000000 "$WORK/data"
    for mode in native shim; do
        foreground "$mode" sign 30 openssl dgst -sha256 -sign "$WORK/key.pem" -out "$WORK/$mode.signature" "$WORK/data"
        foreground "$mode" digest 30 openssl dgst -sha512 "$WORK/data"
        openssl dgst -sha256 -verify <(openssl x509 -in "$WORK/cert.pem" -pubkey -noout) -signature "$WORK/$mode.signature" "$WORK/data"
        foreground "$mode" speed 60 openssl speed -multi 4 -seconds 1 -bytes 1024 sha256
    done
    same native.digest.out shim.digest.out
    on_few_threads sign digest speed
}
