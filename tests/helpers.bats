#!/usr/bin/env bats
# The harness itself: it must notice each kind of difference, and leave no process behind.

load helpers

setup() {
    cd "$BATS_TEST_TMPDIR"
    for run in one two; do
        echo 0 >$run.status
        echo "same" >$run.out
        printf 'greenpatch: stats: %s\n' 'traps 10' 'sites-patched 5' 'kernel-threads-peak 1' >$run.err
    done
}

teardown() {
    stop_all
}

@test "harness: equal runs are equal, statistics aside" {
    echo 'greenpatch: stats: traps 11' >>one.err
    same_run one two
    bounded two patched
}

@test "harness: another exit status is noticed" {
    echo 139 >two.status
    run same_run one two
    [ "$status" != 0 ]
    [[ $output == *'expected status 0'*'signal SEGV'* ]]
}

@test "harness: another line on stdout is noticed and shown" {
    echo more >>two.out
    run same_run one two
    [ "$status" != 0 ]
    [[ $output == *'+more'* ]]
}

@test "harness: another line on stderr is noticed and shown" {
    echo complaint >>two.err
    run same_run one two
    [ "$status" != 0 ]
    [[ $output == *'+complaint'* ]]
}

@test "harness: a report that nobody asked for is noticed" {
    echo 'greenpatch: deadlock: 2 greenlets are parked and nothing can wake them' >>two.err
    run same_run one two
    [ "$status" != 0 ]
    [[ $output == *deadlock* ]]
}

@test "harness: no patched site, too many traps, too many kernel threads are noticed" {
    echo 'greenpatch: stats: sites-patched 0' >>two.err
    run bounded two patched
    [ "$status" != 0 ]
    run bounded two
    [ "$status" = 0 ]
    printf 'greenpatch: stats: %s\n' 'sites-patched 5' 'traps 221' >>two.err
    run bounded two patched
    [ "$status" != 0 ]
    printf 'greenpatch: stats: %s\n' 'traps 220' 'kernel-threads-peak 6' >>two.err
    run bounded two patched
    [ "$status" != 0 ]
}

@test "harness: a run without statistics is noticed, unless a signal ended it" {
    : >two.err
    run bounded two
    [ "$status" != 0 ]
    echo 143 >two.status
    bounded two
}

@test "harness: record keeps output and status apart and passes no descriptor on" {
    record three natively 10 sh -c 'ls /proc/self/fd | tail -n 1; echo error >&2; kill -SEGV $$'
    [ "$(cat three.status)" = 139 ]
    [ "$(cat three.out)" -le 3 ] # the listing's own
    [ "$(cat three.err)" = error ]
}

@test "harness: a program that does not end is ended, with what it started" {
    LIMIT=1
    record three natively 1 sh -c 'sleep 1000 & echo $! >pid; wait'
    [ "$(cat three.status)" = 124 ]
    wait_until 5 eval '! kill -0 "$(cat pid)"'
}

@test "harness: a server is ready when its condition holds, and stopped by its pid" {
    start_server shell 10 'grep -q ready "$dir/shell.out"' sh -c 'echo ready; trap "exit 5" TERM; while :; do sleep 0.02; done'
    pid=$(background_pid shell)
    stop_background shell
    [ "$STATUS" = 5 ]
    run kill -0 "$pid"
    [ "$status" != 0 ]
    run start_server shell 10 'false' sh -c 'echo broken >&2; exit 1'
    [ "$status" != 0 ]
    [[ $output == *'ended before it was ready'*broken* ]]
}
