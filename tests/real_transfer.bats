#!/usr/bin/env bats
# Programs that fetch and copy files, unmodified: aria2, lftp, rsync, git, socat.

load real_helpers
export BATS_TEST_TIMEOUT=150

setup() { real_setup; }
teardown() { real_teardown; }

# make_tree DIR: files of many sizes in folders, a link, an empty file and modes.
make_tree() {
    local i
    mkdir -p "$1/one/two" "$1/three"
    for i in $(seq 12); do make_file $((i * i * 4001)) "$1/one/file-$i"; done
    for i in $(seq 20); do make_file $((i * 7)) "$1/one/two/small-$i"; done
    make_file 3000000 "$1/three/large"
    : >"$1/empty"
    ln -s one/file-3 "$1/link"
    chmod 700 "$1/one/file-2"
}

# serve DIR: nginx, natively, on a free port: knows ranges and lists folders.
serve() {
    port=$(free_port)
    mkdir -p "$WORK/nginx"
    cat >"$WORK/nginx.conf" <<END
$( ((EUID)) || echo "user root;")
daemon off; master_process off; pid $WORK/nginx.pid; error_log stderr;
events { worker_connections 64; }
http {
    access_log off; autoindex on;
    client_body_temp_path $WORK/nginx/1; proxy_temp_path $WORK/nginx/2; fastcgi_temp_path $WORK/nginx/3;
    uwsgi_temp_path $WORK/nginx/4; scgi_temp_path $WORK/nginx/5;
    server { listen 127.0.0.1:$port; root $1; }
}
END
    start native nginx /usr/sbin/nginx -e stderr -c "$WORK/nginx.conf"
    until_true 15 listens "$port"
}

# end MODE NAME STATUS: SIGTERM, after which it has to end with this status.
end() {
    local status=0
    kill -TERM "${PID_OF[$1.$2]}"
    collect "$1" "$2" 15 || status=$?
    ((status == $3)) || { echo "$1.$2 ended with status $status, expected $3"; return 1; }
}

@test "aria2: one file by four connections, and four files at once" {
    local mode i
    mkdir "$WORK/site"
    make_tree "$WORK/site"
    serve "$WORK/site"
    for i in 9 10 11 12; do echo "http://127.0.0.1:$port/one/file-$i"; done >"$WORK/list"
    for mode in native shim; do
        mkdir "$WORK/$mode"
        foreground "$mode" split 60 aria2c --no-conf -q -x 4 -s 4 -k 1M --dir="$WORK/$mode" "http://localhost:$port/three/large"
        foreground "$mode" list 60 aria2c --no-conf -q -j 4 --dir="$WORK/$mode" -i "$WORK/list"
        cmp "$WORK/site/three/large" "$WORK/$mode/large"
        for i in 9 10 11 12; do cmp "$WORK/site/one/file-$i" "$WORK/$mode/file-$i"; done
    done
    on_few_threads split list
    kill "${PID_OF[native.nginx]}"
}

@test "aria2: a missing file ends with the same status" {
    local mode status
    mkdir "$WORK/site"
    serve "$WORK/site"
    for mode in native shim; do
        status=0
        foreground "$mode" missing 60 aria2c --no-conf -q --dir="$WORK" "http://127.0.0.1:$port/nothing" || status=$?
        echo "$status" >"$WORK/$mode.status"
    done
    same native.status shim.status
    on_few_threads missing
    kill "${PID_OF[native.nginx]}"
}

@test "lftp: mirrors a folder by four connections, and one file in pieces" {
    local mode
    mkdir "$WORK/site" "$WORK/home"
    make_tree "$WORK/site"
    rm "$WORK/site/link" # what the server lists is the file behind it
    serve "$WORK/site"
    for mode in native shim; do
        mkdir "$WORK/$mode"
        foreground "$mode" mirror 90 env HOME="$WORK/home" lftp -c "set net:max-retries 2; open http://127.0.0.1:$port/;
            mirror --parallel=4 --no-perms . $WORK/$mode/tree; pget -n 4 three/large -o $WORK/$mode/large"
        diff -r "$WORK/site" "$WORK/$mode/tree"
        cmp "$WORK/site/three/large" "$WORK/$mode/large"
    done
    on_few_threads mirror
    kill "${PID_OF[native.nginx]}"
}

# listing DIR: what rsync -a has to keep (natively its daemon does not keep the times of folders and links).
listing() {
    (cd "$1" && find . \( -type f -printf '%P %m %s %T@\n' \) -o -printf '%P %y %m %l\n' | sort)
}

@test "rsync: a local copy, and again after a change" {
    local mode
    for mode in native shim; do
        rm -rf "$WORK/tree"
        make_tree "$WORK/tree"
        mkdir "$WORK/$mode.copy"
        foreground "$mode" copy 60 rsync -a -i "$WORK/tree/" "$WORK/$mode.copy"
        echo "more" >>"$WORK/tree/three/large"
        rm "$WORK/tree/one/file-7"
        foreground "$mode" again 60 rsync -a --delete --no-whole-file -c -i "$WORK/tree/" "$WORK/$mode.copy"
        diff <(listing "$WORK/tree") <(listing "$WORK/$mode.copy")
        diff -r "$WORK/tree" "$WORK/$mode.copy"
    done
    same native.copy.out shim.copy.out
    on_few_threads copy again
}

@test "rsync: a daemon on loopback, both ways; both sides under the shim" {
    local mode
    mkdir "$WORK/tree"
    make_tree "$WORK/tree"
    for mode in native shim; do
        port=$(free_port)
        mkdir "$WORK/$mode.in"
        printf '%s\n' "use chroot = no" "munge symlinks = no" "uid = $(id -u)" "gid = $(id -g)" "log file = $WORK/$mode.log" "pid file = $WORK/$mode.rsyncd.pid" \
            "[out]" "path = $WORK/tree" "[in]" "path = $WORK/$mode.in" "read only = no" >"$WORK/$mode.conf"
        start "$mode" daemon rsync --daemon --no-detach --address=127.0.0.1 --port="$port" --config="$WORK/$mode.conf"
        until_true 15 listens "$port"
        foreground "$mode" pull 60 rsync -a -z "rsync://127.0.0.1:$port/out/" "$WORK/$mode.pulled"
        foreground "$mode" push 60 rsync -a "$WORK/tree/" "rsync://127.0.0.1:$port/in/"
        diff <(listing "$WORK/tree") <(listing "$WORK/$mode.pulled")
        diff <(listing "$WORK/tree") <(listing "$WORK/$mode.in")
        diff -r "$WORK/tree" "$WORK/$mode.pulled"
        diff -r "$WORK/tree" "$WORK/$mode.in"
        stop "$mode" daemon
    done
    on_few_threads daemon pull push
}

# make_repository DIR: a few hundred objects, two branches and a tag, the same every time.
make_repository() {
    local i
    export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' HOME=$WORK
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
    git init -q -b main "$1"
    for i in $(seq 15); do
        make_file $((i * 3001)) "$1/file-$((i % 5))"
        seq "$i" 2000 >"$1/lines"
        git -C "$1" add . && git -C "$1" commit -q -m "change $i"
    done
    git -C "$1" branch side main~4
    git -C "$1" tag -a -m 'a tag' v1 main~2
}

@test "git: clone from a git daemon on loopback, gc and grep with four threads; all under the shim" {
    local mode
    make_repository "$WORK/repositories/one"
    git config --global pack.threads 4
    git config --global index.threads 4
    git config --global grep.threads 4
    for mode in native shim; do
        port=$(free_port)
        start "$mode" daemon git daemon --export-all --base-path="$WORK/repositories" --listen=127.0.0.1 --port="$port" --reuseaddr
        until_true 15 listens "$port"
        foreground "$mode" clone 90 git clone -q "git://127.0.0.1:$port/one" "$WORK/$mode.clone"
        foreground "$mode" gc 60 git -C "$WORK/$mode.clone" -c gc.auto=0 repack -a -d -f -q
        foreground "$mode" grep 60 git -C "$WORK/$mode.clone" grep -n 1999
        git -C "$WORK/$mode.clone" fsck --full --strict
        git -C "$WORK/$mode.clone" for-each-ref --format='%(refname) %(objectname)' >"$WORK/$mode.refs"
        diff -r -x .git "$WORK/repositories/one" "$WORK/$mode.clone"
        end "$mode" daemon 143
    done
    test -s "$WORK/native.grep.out"
    same native.refs shim.refs
    same native.grep.out shim.grep.out
    on_few_threads clone gc grep
}

@test "socat: a forking echo server on TCP and on a unix socket, ten clients at once" {
    local mode i address
    make_file 300000 "$WORK/data"
    for mode in native shim; do
        port=$(free_port)
        for address in "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" "UNIX-LISTEN:$WORK/$mode.socket,fork"; do
            start "$mode" server socat "$address" EXEC:cat
            until_true 15 reachable "$address"
            for i in $(seq 10); do
                # shellcheck disable=SC2016
                start "$mode" "client$i" sh -c 'exec socat -t 20 - "$1" <data' sh "$(peer_of "$address")"
            done
            for i in $(seq 10); do
                collect "$mode" "client$i" 60
                same "$mode.client$i.out" data
            done
            end "$mode" server 143
        done
    done
    on_few_threads client1 client10
}

reachable() {
    case $1 in
    TCP*) listens "$port" ;;
    UNIX*) test -S "$(sed 's/^[^:]*://; s/,.*//' <<<"$1")" ;;
    esac
}
peer_of() { sed 's/-LISTEN:\([^,]*\).*/:\1/; s/^TCP:/TCP:127.0.0.1:/' <<<"$1"; }

@test "socat: from a program on a pseudoterminal to a file, and a time limit" {
    local mode status
    for mode in native shim; do
        foreground "$mode" pty 30 socat -u EXEC:'seq 2000',pty,rawer CREATE:"$WORK/$mode.lines"
        status=0
        foreground "$mode" limit 30 socat -T 0.3 TCP-LISTEN:"$(free_port)",bind=127.0.0.1,accept-timeout=0.3 - || status=$?
        echo "$status" >"$WORK/$mode.status"
    done
    same native.lines shim.lines
    same native.status shim.status
    test -s "$WORK/shim.lines"
    on_few_threads pty limit
}
