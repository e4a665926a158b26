#!/usr/bin/env bats
# curl --parallel, unmodified: with a thread for each name that it looks up.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() { real_teardown; }

# serve_files COUNT: a directory of files of different sizes, served by Python (natively: it is not what is tested).
serve_files() {
    local i
    mkdir "$WORK/site"
    for i in $(seq "$1"); do
        make_file $((i * i * 20011)) "$WORK/site/file-$i"
    done
    start native server "$PYTHON" -u -m http.server --bind 127.0.0.1 --directory "$WORK/site" 0
    until_true 15 grep -q 'port [1-9]' "$WORK/native.server.out"
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$WORK/native.server.out" | head -n 1)
}

# fetch MODE COUNT args...: all files at once, into $WORK/MODE/.
fetch() {
    local mode=$1 count=$2 i args=()
    shift 2
    mkdir "$WORK/$mode"
    for i in $(seq "$count"); do args+=(-o "$WORK/$mode/file-$i" "http://localhost:$port/file-$i"); done
    foreground "$mode" curl 60 curl --parallel --parallel-max 12 --no-progress-meter --fail "$@" "${args[@]}"
}

@test "curl --parallel: twelve files at once, named by host name" {
    local mode
    serve_files 12
    for mode in native shim; do
        fetch "$mode" 12
        diff -r "$WORK/site" "$WORK/$mode"
    done
    on_few_threads curl
    kill "${PID_OF[native.server]}"
}

@test "curl --parallel: a missing file, a refused connection and a rate limit end as natively" {
    local mode status
    serve_files 3
    for mode in native shim; do
        mkdir "$WORK/$mode"
        status=0
        foreground "$mode" curl 60 curl --parallel --no-progress-meter --fail --max-time 30 --limit-rate 400k \
            -w '%{http_code} %{size_download}\n' \
            -o "$WORK/$mode/1" "http://localhost:$port/file-3" -o "$WORK/$mode/2" "http://localhost:$port/nothing" \
            -o "$WORK/$mode/3" "http://127.0.0.1:1/" -o "$WORK/$mode/4" "http://localhost:$port/file-1" || status=$?
        { echo "status $status"; sort "$WORK/$mode.curl.out"; } >"$WORK/$mode.ends"
        cmp "$WORK/site/file-3" "$WORK/$mode/1"
    done
    cat "$WORK/native.ends"
    same native.ends shim.ends
    on_few_threads curl
    kill "${PID_OF[native.server]}"
}
