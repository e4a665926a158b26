# shellcheck shell=bash
# dnsmasq, rsync, git and ssh: daemons and clients, both sides under the shim. Sourced by scripts/compare-apps.

dns_server() {
    local port up
    port=$(free_port) up=$(free_port)
    for i in $(seq 200); do echo "10.0.0.$i host-$i.test"; done >hosts
    printf '10.1.1.1 far.example\n' >far
    start "$MODE" far dnsmasq --no-daemon --no-resolv --conf-file=/dev/null --user= --group= --port="$up" --listen-address=127.0.0.1 \
        --bind-interfaces --no-hosts --addn-hosts="$WORK/far" --pid-file="$WORK/far.pid"
    start "$MODE" server dnsmasq --no-daemon --no-resolv --conf-file=/dev/null --user= --group= --port="$port" --listen-address=127.0.0.1 \
        --bind-interfaces --no-hosts --addn-hosts="$WORK/hosts" --server="/example/127.0.0.1#$up" --pid-file="$WORK/server.pid"
    until_true 20 listens "$port"
    until_true 20 listens "$up"
    "$PYTHON" "$ROOT/tests/compare/dns_client.py" "$port"
    echo "10.0.0.250 host-new.test" >>hosts
    kill -HUP "${PID_OF[$MODE.server]}" # reads its files again
    "$PYTHON" "$ROOT/tests/compare/dns_client.py" "$port" host-new.test
    for i in server far; do
        kill -TERM "${PID_OF[$MODE.$i]}"
        collect "$MODE" $i 20 || echo "status $?"
    done
}

# make_files FOLDER COUNT: file-1 ... of growing sizes, the same every time.
make_files() {
    "$PYTHON" -c 'import random, sys
for i in range(1, int(sys.argv[2]) + 1):
    with open(f"{sys.argv[1]}/file-{i}", "wb") as f:
        f.write(random.Random(i).randbytes(i * i * 501 + i))' "$1" "$2"
}

make_tree() {
    rm -rf "$1"
    mkdir -p "$1/one/two"
    make_files "$1/one" 40
    make_files "$1/one/two" 5
    ln -s one/file-3 "$1/link"
    chmod 700 "$1/one/file-2"
}

rsync_daemon() {
    local port
    make_tree tree
    rm -rf in pulled
    mkdir in
    port=$(free_port)
    printf '%s\n' "use chroot = no" "munge symlinks = no" "uid = $(id -u)" "gid = $(id -g)" "log file = $WORK/rsync.log" \
        "[out]" "path = $WORK/tree" "[in]" "path = $WORK/in" "read only = no" >conf
    start "$MODE" daemon rsync --daemon --no-detach --address=127.0.0.1 --port="$port" --config="$WORK/conf"
    until_true 20 listens "$port"
    foreground "$MODE" pull 60 rsync -a -z -i "rsync://127.0.0.1:$port/out/" pulled
    foreground "$MODE" push 60 rsync -a tree/ "rsync://127.0.0.1:$port/in/"
    echo more >>tree/one/file-9
    foreground "$MODE" again 60 rsync -a --delete -c -i --no-whole-file tree/ "rsync://127.0.0.1:$port/in/"
    cat "$MODE".{pull,push,again}.out
    diff -r tree in && echo "pushed the same"
    kill -TERM "${PID_OF[$MODE.daemon]}"
    collect "$MODE" daemon 20 || echo "status $?"
}

# make_repository FOLDER: some commits, always with the same ids.
make_repository() {
    rm -rf "$1"
    git init -q -b main "$1"
    local i
    make_files "$1" 10
    for i in $(seq 10); do
        git -C "$1" add "file-$i"
        GIT_AUTHOR_DATE="$((1700000000 + i)) +0000" GIT_COMMITTER_DATE="$((1700000000 + i)) +0000" git -C "$1" -c user.name=x -c user.email=x@x commit -qm "number $i"
    done
}

git_daemon() {
    local port
    export HOME=$WORK GIT_CONFIG_NOSYSTEM=1
    git config --global safe.directory '*'
    make_repository one
    rm -rf copy bare
    port=$(free_port)
    start "$MODE" daemon git daemon --reuseaddr --listen=127.0.0.1 --port="$port" --export-all --base-path="$WORK" --enable=receive-pack --verbose
    until_true 20 listens "$port"
    foreground "$MODE" clone 60 git clone -q "git://127.0.0.1:$port/one" copy
    git -C copy log --format=%H | md5sum
    foreground "$MODE" grep 60 git -C copy grep --threads=4 -c -a a
    md5sum <"$MODE.grep.out"
    foreground "$MODE" repack 60 git -C copy -c pack.threads=4 repack -q -a -d -f
    foreground "$MODE" check 60 git -C copy fsck --full --no-progress
    foreground "$MODE" branch 60 git -C copy push -q origin HEAD:refs/heads/new
    git -C one rev-parse new
    # The daemon has an end of its own only by a signal.
    kill -TERM "${PID_OF[$MODE.daemon]}"
    collect "$MODE" daemon 20 || echo "status $?"
}

# ssh_session SERVER_MODE: sshd in that mode, its clients in $MODE.
ssh_session() {
    local port sshd=$1
    ((EUID == 0)) || { echo "sshd needs root here"; return 0; }
    mkdir -p /run/sshd
    rm -rf host user* sshd.conf copy fetched fetched-by-sftp one.bare
    chmod 755 .
    ssh-keygen -q -t ed25519 -N '' -f host
    ssh-keygen -q -t ed25519 -N '' -f user
    cp user.pub authorized
    port=$(free_port)
    printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $WORK/host" "AuthorizedKeysFile $WORK/authorized" "StrictModes no" \
        "PermitRootLogin yes" "UsePAM no" "PidFile $WORK/sshd.pid" "Subsystem sftp internal-sftp" "PrintMotd no" "PrintLastLog no" >sshd.conf
    printf '%s\n' "Host here" "HostName 127.0.0.1" "Port $port" "User root" "IdentityFile $WORK/user" "UserKnownHostsFile /dev/null" \
        "StrictHostKeyChecking no" "LogLevel ERROR" "IdentitiesOnly yes" >ssh.conf
    start "$sshd" sshd /usr/sbin/sshd -D -e -f "$WORK/sshd.conf"
    until_true 20 listens "$port"
    local ssh=(ssh -F "$WORK/ssh.conf")
    foreground "$MODE" command 30 "${ssh[@]}" here "echo hello; echo error >&2; exit 7" || echo "status $?"
    cat "$MODE".command.out
    make_file 3000000 big
    foreground "$MODE" through 60 sh -c 'ssh -F ssh.conf here cat <big'
    cmp big "$MODE.through.out" && echo "3 MB through a session"
    foreground "$MODE" terminal 30 "${ssh[@]}" -tt here "tty | sed s,[0-9]*,,g; stty size; exit 3" || echo "terminal: status $?"
    cat "$MODE.terminal.out"
    foreground "$MODE" copy 60 scp -q -F "$WORK/ssh.conf" here:"$WORK/big" fetched
    cmp big fetched && echo "scp"
    make_tree tree
    foreground "$MODE" rsync 60 rsync -a -e "ssh -F $WORK/ssh.conf" tree/ "here:$WORK/copy"
    diff -r tree copy && echo "rsync over ssh"
    export HOME=$WORK GIT_CONFIG_NOSYSTEM=1
    git config --global safe.directory '*'
    make_repository one
    foreground "$MODE" clone 60 env GIT_SSH_COMMAND="ssh -F $WORK/ssh.conf" git clone -q --bare "here:$WORK/one" one.bare
    git -C one.bare log --format=%H | md5sum
    # A forwarded port: an answer through it.
    local web forward
    web=$(free_port) forward=$(free_port)
    start native web "$PYTHON" -m http.server -b 127.0.0.1 "$web"
    until_true 20 listens "$web"
    start "$MODE" forward "${ssh[@]}" -N -L "127.0.0.1:$forward:127.0.0.1:$web" here
    until_true 20 listens "$forward"
    curl -s -o forwarded "http://127.0.0.1:$forward/big" && cmp big forwarded && echo "forwarded"
    kill "${PID_OF[native.web]}" "${PID_OF[$MODE.forward]}"
    collect "$MODE" forward 20 || echo "forward: status $?"
    kill -TERM "${PID_OF[$sshd.sshd]}"
    collect "$sshd" sshd 20 || echo "status $?"
}

ssh_client() { ssh_session native; }
ssh_server() { ssh_session "$MODE"; }

program dnsmasq dns_server 60 dnsmasq-base
program rsync rsync_daemon 100 rsync
program git git_daemon 150 git
program ssh ssh_client 150 "openssh-server openssh-client rsync git curl"
program sshd ssh_server 150 "openssh-server openssh-client rsync git curl"
cannot sshd "before the login its child forbids itself most calls by a seccomp filter that kills; rt_sigreturn, by which a trap goes on, is among them"
