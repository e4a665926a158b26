#!/usr/bin/env bats
# The same guests under conditions that hide or show faults of timing: another slice of the processor, none, one core, a
# machine that is busy, a kernel without the newer features; and many times over, without growth.

load helpers

export BATS_TEST_TIMEOUT=240

setup() {
    need_shim
    ulimit -c 0
}

teardown() {
    stop_all
}

# A quick one or two of each family.
FAMILIES="condvar_queue mutex_types rwlock futex_requeue sleep_order cancel_parked tls_thread stdio_threads file_io
    pipe_nonblock socket_waitall socket_timeouts udp epoll_calls select_calls event_loop signal_handlers signal_restart
    timer_delete fork_threads wait_calls cpp_threads cpp_async"

# all_same: each of them, and the guests that are named.
all_same() {
    local guest bad=0
    for guest in $FAMILIES "$@"; do
        same_patched "$guest" || { echo "in $guest"; bad=1; }
    done
    return $bad
}

@test "with a slice of 1 ms" {
    export GREENPATCH_SLICE=1
    all_same barrier_sem_spin_once thread_many
}

@test "with no slices" {
    export GREENPATCH_SLICE=off
    all_same thread_many
}

computing() { awk '{ exit !($14 + $15 >= 20) }' "/proc/$(background_pid spinner)/stat"; }

@test "with no slices: a signal ends a program whose only runnable thread never makes a call" {
    start_background spinner env GREENPATCH_SLICE=off LD_PRELOAD="$LIBGREENPATCH" "$GUESTS/cancel_async"
    wait_until 20 computing
    stop_background spinner TERM
    [ "$STATUS" = 143 ] || fail "expected status 143, came $STATUS"
}

@test "without any of the optional features of the kernel" {
    export GREENPATCH_FEATURES=-guard,-nowait,-iouring,-fsgsbase
    all_same pipe_errors descriptors offload
}

# one_core: this test and what it starts run on the first core that it may use.
one_core() {
    local cpus
    cpus=$(taskset -pc $BASHPID)
    cpus=${cpus##*: }
    taskset -pc "${cpus%%[,-]*}" $BASHPID >/dev/null
}

@test "on one core" {
    one_core
    all_same spin_flag socket_big pipe_big
}

@test "on one core with a slice of 1 ms" {
    one_core
    export GREENPATCH_SLICE=1
    all_same spin_flag
}

@test "beside programs that keep every core busy" {
    command -v stress-ng >/dev/null || skip "no stress-ng"
    LIMIT=60
    FAMILIES=${FAMILIES/sleep_order/} # natively the order of short sleeps is lost here
    start_background stress timeout 200 stress-ng --quiet --cpu 2 --switch 1 --vm 1 --vm-bytes 64M --temp-path "$BATS_TEST_TMPDIR"
    all_same spin_flag
    stop_background stress
}

@test "20,000 threads one after the other: nothing grows" {
    LIMIT=60
    same_three_ways soak threads
}

@test "20,000 connections, each with a thread: nothing grows" {
    LIMIT=60
    same_three_ways soak connections
}

@test "20,000 opens: nothing grows" {
    LIMIT=60
    same_three_ways soak opens
}
