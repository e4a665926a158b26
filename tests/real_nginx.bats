#!/usr/bin/env bats
# nginx with a thread pool for its file reads (aio threads), unmodified.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() {
    if [[ -s $WORK/nginx.pid ]]; then kill -TERM "$(cat "$WORK/nginx.pid")" 2>/dev/null || :; fi
    real_teardown
}

# make_site: files from 1 byte to 3 MiB; large ones are read by the thread pool in pieces.
make_site() {
    local size
    mkdir -p "$WORK/site" "$WORK/logs"
    for size in 1 5000 70000 300001 1048576 3000000; do
        make_file "$size" "$WORK/site/$size"
    done
}

# configure LINE...: nginx.conf in $WORK for a free port, all paths below $WORK; the lines are for its main part.
configure() {
    port=$(free_port)
    {
        ((EUID)) || echo "user root;"
        printf '%s\n' "$@"
        cat <<END
pid $WORK/nginx.pid;
thread_pool default threads=16 max_queue=65536;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $WORK/t1; proxy_temp_path $WORK/t2; fastcgi_temp_path $WORK/t3;
    uwsgi_temp_path $WORK/t4; scgi_temp_path $WORK/t5;
    server {
        listen 127.0.0.1:$port;
        root $WORK/site;
        aio threads;
        sendfile off;
        output_buffers 2 64k;
    }
}
END
    } >"$WORK/nginx.conf"
}

# fetch NAME: four rounds of all files, 24 connections at once, by curl (natively: it is not what is tested).
fetch() {
    local round file args=()
    mkdir "$WORK/$1"
    for round in 1 2 3 4; do
        for file in "$WORK"/site/*; do
            args+=(-o "$WORK/$1/${file##*/}.$round" "http://127.0.0.1:$port/${file##*/}")
        done
    done
    (cd "$WORK" && timeout 60 curl --parallel --parallel-immediate --parallel-max 24 --no-progress-meter --fail "${args[@]}")
    for round in 1 2 3 4; do
        for file in "$WORK"/site/*; do cmp "$file" "$WORK/$1/${file##*/}.$round"; done
    done
}

# workers: the ids of the worker processes, one a line.
workers() {
    local master
    master=$(cat "$WORK/nginx.pid")
    tr ' ' '\n' 2>/dev/null <"/proc/$master/task/$master/children" | sed '/^$/d'
}

@test "nginx: aio threads, one process" {
    local mode
    make_site
    for mode in native shim; do
        configure "daemon off;" "master_process off;" "error_log stderr notice;"
        start "$mode" nginx /usr/sbin/nginx -e stderr -c "$WORK/nginx.conf"
        until_true 15 listens "$port"
        fetch "$mode.files"
        stop "$mode" nginx QUIT
    done
    # Otherwise the test would say nothing: natively its pool has a thread for each.
    (($(cat "$WORK/native.nginx.peak") >= 16))
    on_few_threads nginx
}

@test "nginx: as a daemon with a master and two worker processes, reloaded once" {
    local mode master pid old
    make_site
    for mode in native shim; do
        rm -f "$WORK/error.log" "$WORK/nginx.pid"
        configure "daemon on;" "worker_processes 2;" "error_log $WORK/error.log notice;"
        STATS=on foreground "$mode" nginx 20 /usr/sbin/nginx -e "$WORK/error.log" -c "$WORK/nginx.conf"
        until_true 15 test -s "$WORK/nginx.pid"
        until_true 15 listens "$port"
        master=$(cat "$WORK/nginx.pid")
        until_true 15 two_workers
        for pid in $(workers); do watch_threads "$pid" "$WORK/worker-$pid.$mode" >/dev/null 2>&1 3>&- & done
        fetch "$mode.files"

        # A reload starts new workers, and the old ones end.
        old=$(workers | sort)
        kill -HUP "$master"
        until_true 20 new_workers "$old"
        fetch "$mode.again"
        for pid in $(workers); do
            echo "$mode: worker $pid has $(kernel_threads "$pid") kernel threads"
            [[ $mode == native ]] || (($(kernel_threads "$pid") <= MOST_THREADS))
        done
        kill -QUIT "$master"
        until_true 20 gone "$master"
        [[ -z $(left_over) ]]
        cat "$WORK/worker-"*".$mode"
    done
    (($(cat "$WORK"/worker-*.native | sort -n | tail -n 1) >= 16))
    (($(cat "$WORK"/worker-*.shim | sort -n | tail -n 1) <= MOST_THREADS))
    # The master and the four workers print their statistics where standard error was when they started.
    sed -n 's/^greenpatch: stats: kernel-threads-peak //p' "$WORK/shim.nginx.err" >"$WORK/peaks"
    (($(wc -l <"$WORK/peaks") >= 5))
    (($(sort -n "$WORK/peaks" | tail -n 1) <= MOST_THREADS))
    on_few_threads nginx
    no_deadlock_report "$WORK/error.log"
}

two_workers() { (($(workers | wc -l) == 2)); }
new_workers() { two_workers && [[ -z $(comm -12 <(workers | sort) <(echo "$1")) ]]; }
gone() { ! alive "$1"; }
