#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # what is in single quotes is for the program that is run
# What a person is told: lists, on Ctrl-\ and by ps, deadlock reports, --trace, --stats, hints. None of it may be noticed
# by the program, and none may come where it was not asked for and nothing is wrong.

bats_require_minimum_version 1.5.0
load helpers

setup() {
    need_shim
    unset LD_PRELOAD "${!GREENPATCH_@}"
    ulimit -c 0
    launcher=$ROOT/scripts/greenpatch
    terminal=$ROOT/tests/python/terminal.py
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    stop_all
}

# on_terminal PRESSES INTERVAL PROGRAM...: presses Ctrl-\ on the program's terminal; $output is what it wrote.
on_terminal() {
    run timeout -k 2 60 /usr/bin/python3 "$terminal" "$@"
    [ "$status" = 0 ] || fail "$output"
}

# asleep PID: the process sleeps in the kernel.
asleep() {
    [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = S ]
}

# blocked MODE: starts blocked_calls under the launcher, waits until it is where it will stay; $pid is its process.
blocked() {
    mkfifo input
    exec 8<>input
    "$launcher" "$GUESTS/blocked_calls" "$1" <input >out 2>err 3>&- 8>&- &
    pid=$!
    echo $pid >"$BATS_TEST_TMPDIR/blocked.pid"
    wait_until 10 grep -q ready err
    [ "$1" = spin ] || wait_until 10 asleep $pid
}

# unblocked: lets it go on; it must end as it does where nobody asked anything.
unblocked() {
    echo >&8
    exec 8>&-
    reap $pid
    [ "$STATUS" = 0 ] || fail "status $STATUS: $(cat out err)" || return 1
    ! grep -q 'Interrupted\|FAILED' out || fail "$(cat out)" || return 1
    [ "$(cat err)" = ready ] || fail "expected nothing but 'ready' on stderr, came: $(cat err)"
}

@test "calls that block end with what they waited for" {
    same_three_ways blocked_calls
    same_three_ways blocked_calls alone
    same_three_ways blocked_calls spin
}

@test "Ctrl-\\ lists the greenlets, the program goes on and no call sees an EINTR" {
    on_terminal 1 0.01 "$launcher" "$GUESTS/blocked_calls"
    [[ $output == *"9 greenlets in process "* ]] || fail "$output"
    [ "$(grep -c '^greenpatch:   #[0-9]* ' <<<"$output")" = 9 ] || fail "$output"
    grep -q '#2 thread-[0-9]* waits for descriptor ' <<<"$output" || fail "$output"
    grep -q '^greenpatch:       in read(0x' <<<"$output" || fail "$output"
    grep -q '^greenpatch:       called from.* blocked_calls+0x' <<<"$output" || fail "$output"
    [ "$(grep -v '^greenpatch:\|\^' <<<"$output")" = "ready

stdin: 1
nanosleep: 0
read: 1
poll: 1
select: 1
epoll_wait: 1
recv: 1
sem_wait: 0
waitpid: the child
done
status 0" ] || fail "$output"
}

@test "Ctrl-\\ lists a program that blocks in the kernel, and one that computes" {
    on_terminal 1 0.01 "$launcher" "$GUESTS/blocked_calls" alone
    [[ $output == *"#1 main runs, in read"*"stdin: 1"*"status 0" ]] || fail "$output"
    on_terminal 1 0.01 "$launcher" "$GUESTS/blocked_calls" spin
    [[ $output == *"#1 main "*"stdin: 1"*"status 0" ]] || fail "$output"
}

@test "a second Ctrl-\\ within a second quits, a later one lists again" {
    on_terminal 2 0 "$launcher" "$GUESTS/blocked_calls" alone
    [ "$(grep -c 'greenlets in process' <<<"$output")" = 1 ] || fail "$output"
    [[ $output == *"signal 3" ]] || fail "$output"
    on_terminal 2 1.01 "$launcher" "$GUESTS/blocked_calls" alone
    [ "$(grep -c 'greenlets in process' <<<"$output")" = 2 ] || fail "$output"
    [[ $output == *"status 0" ]] || fail "$output"
}

@test "a program that handles SIGQUIT gets it from the terminal" {
    on_terminal 1 0 "$launcher" sh -c 'trap "echo handled; exit 5" QUIT; echo ready; read line; read line'
    [[ $output == *handled*"status 5" && $output != *"greenlets in process"* ]] || fail "$output"
}

@test "SIGQUIT by kill ends the program as natively; with GREENPATCH_QUIT=list it lists, the second quits" {
    # What a shell without job control starts in the background ignores SIGQUIT.
    start_server plain 10 'grep -q libgreenpatch /proc/$pid/maps && asleep $pid' env --default-signal=QUIT "$launcher" sleep 20
    stop_background plain QUIT
    [ "$STATUS" = 131 ] || fail "status $STATUS"
    [ ! -s plain.err ] || fail "$(cat plain.err)"
    GREENPATCH_QUIT=list start_server list 10 'grep -q libgreenpatch /proc/$pid/maps && asleep $pid' \
        env --default-signal=QUIT "$launcher" sleep 20
    kill -QUIT "$(background_pid list)"
    wait_until 5 grep -q 'greenlets in process' list.err
    kill -0 "$(background_pid list)"
    stop_background list QUIT
    [ "$STATUS" = 131 ] || fail "status $STATUS"
}

@test "GREENPATCH_QUIT=list lists a program that ignores SIGQUIT, and what it executes ignores it" {
    GREENPATCH_QUIT=list start_server list 10 'grep -q ready "$dir/list.out"' \
        "$launcher" sh -c 'trap "" QUIT; echo ready; exec sleep 20'
    kill -QUIT "$(background_pid list)"
    wait_until 5 grep -q 'greenlets in process' list.err
    stop_background list
    run timeout 10 env GREENPATCH_QUIT=list "$launcher" sh -c 'trap "" QUIT; LD_PRELOAD= exec grep SigIgn /proc/self/status'
    [ $((0x${output##*[!0-9a-f]} & 4)) = 4 ] || fail "$output"
}

@test "ps lists a running program, which notices nothing" {
    local mode
    for mode in all alone spin; do
        rm -f input
        blocked $mode
        run -0 timeout 20 "$launcher" ps $pid
        [[ ${lines[0]} == *" greenlets in process $pid, blocked_calls" ]] || fail "$mode: $output"
        [[ ${lines[1]} == "  #1 main "* ]] || fail "$mode: $output"
        for _ in 1 2 3 4 5; do
            run -0 timeout 20 "$launcher" ps $pid
        done
        unblocked || { echo "mode $mode"; return 1; }
    done
}

@test "ps says who holds the mutex that a greenlet waits for" {
    start_background dead "$launcher" --quiet "$GUESTS/deadlock"
    wait_until 10 grep -q joining dead.out
    wait_until 10 asleep "$(background_pid dead)"
    run -0 timeout 20 "$launcher" ps "$(background_pid dead)"
    grep -qE '^  #2 alpha waits for futex 0x[0-9a-f]+ \(a mutex that #3 omega holds\), since [0-9.]+ s$' <<<"$output" || fail "$output"
    grep -qE '^  #3 omega waits for futex 0x[0-9a-f]+ \(a mutex that #2 alpha holds\), since [0-9.]+ s$' <<<"$output" || fail "$output"
    grep -qE '^  #1 main waits for futex 0x[0-9a-f]+ \(the end of #2 alpha\), since [0-9.]+ s$' <<<"$output" || fail "$output"
    [ ! -s dead.err ] || fail "$(cat dead.err)" # --quiet: no report
    stop_background dead
}

# no_list PID WHY: ps has no list, says why in one line, and the process lives on.
no_list() {
    run -1 --separate-stderr timeout 20 "$launcher" ps "$1"
    # shellcheck disable=SC2154
    [ "$stderr" = "greenpatch: ps: process $1: $2" ] || fail "$stderr"
    [ -z "$output" ] || fail "$output"
}

@test "ps says what is wrong with a process that it cannot list, and does it no harm" {
    no_list 4194304 "there is no such process"
    start_background plain sleep 20
    no_list "$(background_pid plain)" "it is not patched"
    kill -0 "$(background_pid plain)"
    start_server stopped 10 'grep -q libgreenpatch /proc/$pid/maps && asleep $pid' "$launcher" sleep 20
    kill -STOP "$(background_pid stopped)"
    no_list "$(background_pid stopped)" "it is stopped and cannot answer"
    kill -CONT "$(background_pid stopped)"
    run -0 timeout 20 "$launcher" ps "$(background_pid stopped)"
    stop_background stopped
    [ "$STATUS" = 143 ] || fail "status $STATUS"
}

@test "ps answers with the program's table of descriptors full" {
    start_server full 10 'grep -q full "$dir/full.out"' "$launcher" --quiet /usr/bin/python3 -c '
import os, resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    while True: os.dup(1)
except OSError:
    print("full", flush=True)
time.sleep(20)'
    run -0 timeout 20 "$launcher" ps "$(background_pid full)"
    [[ $output == *"#1 main "* ]] || fail "$output"
}

@test "ps as root lists another user's program; another user does not list root's" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    local copy
    copy=$(mktemp -d)
    chmod 755 "$copy"
    mkdir "$copy/scripts" "$copy/build"
    cp "$launcher" "$copy/scripts/"
    cp "$LIBGREENPATCH" "$copy/build/"
    start_server theirs 10 'grep -q libgreenpatch /proc/$pid/maps && asleep $pid' \
        setpriv --reuid nobody --regid nogroup --clear-groups "$copy/scripts/greenpatch" sleep 20
    start_server ours 10 'grep -q libgreenpatch /proc/$pid/maps && asleep $pid' "$launcher" sleep 20
    run timeout 20 "$launcher" ps "$(background_pid theirs)"
    local first=$status text=$output
    run timeout 20 setpriv --reuid nobody --regid nogroup --clear-groups "$copy/scripts/greenpatch" ps "$(background_pid ours)"
    rm -rf "$copy"
    [ "$first" = 0 ] || fail "$text"
    [ "$status" = 1 ] && [[ $output == *"it belongs to another user" ]] || fail "$output"
}

@test "ps with anything but one number is a program" {
    run -0 timeout 10 "$launcher" ps -o pid= -p $$
    [ "${output// /}" = $$ ]
}

@test "a deadlock report names the holder of each mutex and where each greenlet stands" {
    start_background dead timeout 30 "$launcher" "$GUESTS/deadlock"
    wait_until 10 grep -q '#3 omega' dead.err
    wait_until 10 test "$(grep -c 'called from' dead.err)" = 3
    grep -q '#2 alpha waits for futex .* (a mutex that #3 omega holds), since' dead.err || fail "$(cat dead.err)"
    grep -q '^greenpatch:       in futex(0x[0-9a-f]*, 0x80, 0x2, 0x0) at libc.so.6+0x' dead.err || fail "$(cat dead.err)"
    # The addresses are those that addr2line knows.
    local at
    at=$(grep -A2 '^greenpatch:   #2 alpha' dead.err | grep -o 'deadlock+0x[0-9a-f]*' | head -n 1)
    [ "$(addr2line -f -e "$GUESTS/deadlock" "$(printf '%x' $((${at#*+} - 1)))" | head -n 1)" = alpha ] || fail "$at: $(cat dead.err)"
    stop_background dead
}

@test "nothing is reported where a signal, a child, a timer or another process can wake" {
    timeout 20 "$launcher" sh -c 'sleep 0.1 & wait; trap "echo got" USR1; (sleep 0.1; kill -USR1 $$) & wait; true' >out 2>err
    [ ! -s err ] || fail "$(cat err)"
    timeout 20 "$launcher" /usr/bin/python3 -c '
import multiprocessing, os, signal, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGINT, signal.SIG_DFL)
threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
signal.sigwait([signal.SIGUSR1])
def child(lock, e): e.wait()
e = multiprocessing.Event()
p = multiprocessing.Process(target=child, args=(None, e)); p.start()
threading.Timer(0.05, e.set).start(); p.join()' 2>err
    [ ! -s err ] || fail "$(cat err)"
    timeout 20 "$launcher" --patch=all,-thread "$GUESTS/thread_join" >out 2>err
    [ ! -s err ] || fail "$(cat err)"
}

full_table='
import os
try:
    while True: os.dup(1)
except OSError as e:
    print(e.strerror)
try: os.dup(1)
except OSError: pass'

@test "the first EMFILE says once which limit was reached and what helps" {
    timeout 20 "$launcher" --nofile=64 /usr/bin/python3 -c "$full_table" >out 2>err
    [ "$(cat out)" = "Too many open files" ]
    [ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
    grep -qE '^greenpatch: [a-z0-9]+: 64 files are open, which is the limit; .* --nofile=N .*' err || fail "$(cat err)"
    timeout 20 "$launcher" --quiet --nofile=64 /usr/bin/python3 -c "$full_table" >out 2>err
    [ ! -s err ] || fail "$(cat err)"
    # Other limits have the same errno.
    timeout 20 "$launcher" /usr/bin/python3 -c '
import ctypes
libc = ctypes.CDLL(None)
print(sum(libc.inotify_init() >= 0 for i in range(600)) < 600)' >out 2>err
    [ ! -s err ] || fail "$(cat err)"
}

@test "--trace prints calls that waited, with the greenlet and the time" {
    timeout 20 "$launcher" --trace "$GUESTS/sleep_order" >out 2>err
    grep -qE '^greenpatch: trace: #[0-9]+ clock_nanosleep\(0x[0-9a-f]+, 0x[0-9a-f]+, 0x[0-9a-f]+, 0x[0-9a-f]+\) = 0 <0\.[0-9]{6}>$' err || fail "$(cat err)"
    ! grep -v '^greenpatch: trace: #' err || return 1
    ! grep -q 'getpid\|mmap' err || fail "$(cat err)"
    timeout 20 "$launcher" --trace --patch=all,-time sleep 0.01 2>err
    grep -qE 'trace: #1 clock_nanosleep\(.*\) = 0 <0\.[0-9]{6}> passed on$' err || fail "$(cat err)"
    timeout 20 "$launcher" --trace sh -c 'read line' <<<"" 2>err
    [ ! -s err ] || ! grep -v '^greenpatch: trace: #1 ' err || fail "$(cat err)"
}

@test "--trace shows what never came back as unfinished" {
    timeout 20 "$launcher" --trace /usr/bin/python3 -c '
import os, threading, time
threading.Thread(target=time.sleep, args=(100,)).start()
time.sleep(0.05)
os._exit(0)' 2>err
    grep -qE '^greenpatch: trace: #2 clock_nanosleep\(.*\) <unfinished \.\.\.>$' err || fail "$(cat err)"
}

@test "children print only with --follow, and then say who they are" {
    timeout 20 "$launcher" --stats --trace sh -c 'sleep 0.01; exit 0' 2>err
    [ "$(grep -c 'stats: pid' err)" = 1 ] || fail "$(cat err)"
    ! grep -q nanosleep err || fail "$(cat err)"
    timeout 20 "$launcher" --follow --stats --trace sh -c 'sleep 0.01; exit 0' 2>err
    [ "$(grep -c 'stats: pid' err)" = 2 ] || fail "$(cat err)"
    grep -qE '^greenpatch: trace: \[pid [0-9]+\] #1 clock_nanosleep' err || fail "$(cat err)"
}

@test "the statistics of a fork's child are its own" {
    timeout 20 "$launcher" --follow --stats sh -c 'i=0; while [ $i -lt 2000 ]; do cd /; i=$((i + 1)); done; (exit 0); (exit 0)' 2>err
    [ "$(grep -c 'stats: pid' err)" -ge 2 ] || fail "$(cat err)"
    [ "$(grep 'calls-pass' err | sort -k4n | head -n 1 | awk '{ print $4 }')" -lt 2000 ] || fail "$(cat err)"
}

@test "--stats warns where one core was the limit, and only there" {
    timeout 60 "$launcher" --stats "$GUESTS/float_state" >out 2>err
    grep -q '^greenpatch: stats: warning one core was the limit' err || fail "$(cat err)"
    timeout 60 "$launcher" --stats "$GUESTS/sleep_calls" >out 2>err
    ! grep -q 'warning' err || fail "$(cat err)"
}

@test "the manual names every option and every variable" {
    local name
    for name in $("$launcher" --help | grep -oE '^  (--[a-z]+|GREENPATCH_[A-Z]+)'); do
        grep -qF -- "${name//-/\\-}" "$BUILD/greenpatch.1" || fail "$name is not in the manual"
    done
    ! grep '@[A-Z]*@' "$BUILD/greenpatch.1" || return 1
}
