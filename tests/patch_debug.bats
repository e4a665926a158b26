#!/usr/bin/env bats
# Where greenlets stand, of gp_spawn() and of pthread_create(), told to a program that links libgreenpatch.so; and who
# keeps the others waiting. The addresses are checked against libc's own unwinder and against addr2line.

load helpers

APP=$BUILD/app/patch_debug

setup() {
    need_shim
    [ -x "$APP" ] || fail "$APP is missing: run make apps"
    cd "$BATS_TEST_TMPDIR" || return
}

# app CASE: its streams go to out and err.
app() {
    timeout -k 2 20 env -u LD_PRELOAD "$APP" "$1" >out 2>err 3>&- || fail "$1: status $?: $(cat out err)"
}

# names LINES: the function of each line "... patch_debug+0x1234", by addr2line; a return address is behind its call.
names() {
    local at
    for at in $(grep -o 'patch_debug+0x[0-9a-f]*' "$1"); do
        addr2line -f -e "$APP" "$(printf '%x' $((${at#*+} - 1)))" | head -n 1
    done
}

ALL="gp_sleep: found
sleep: found
gp_queue_get: found
poll: found
read: found
pthread_cond_wait: found
a parked handler: found
myself: found"

@test "backtrace: greenlets of both kinds, however they wait, from a handler and on a small stack" {
    local env
    for env in GREENPATCH_REWRITE=on GREENPATCH_REWRITE=off GREENPATCH_FEATURES=-fsgsbase; do
        (export "$env" && app backtraces) || return 1
        [ "$(cat out)" = "spawned
$ALL
threads
$ALL" ] || fail "$env: $(cat out err)"
    done
}

@test "backtrace: a thread that was preempted" {
    GREENPATCH_SLICE=1 app preempted
    [ "$(cat out)" = "preempted: found" ] || fail "$(cat out err)"
}

@test "backtrace: a thousand places that a signal interrupts are walked as libc's unwinder does" {
    app sampled
    [ "$(cat out)" = "1000 samples are the same, deep ones among them" ] || fail "$(cat out err)"
}

@test "backtrace: gp_dump and the report of an error name the functions, as addr2line has them" {
    app prints
    grep -q '^  #2 greenlet waits for descriptor ' out && grep -q '^    at libc.so.6+0x' out || fail "$(cat out err)"
    [ "$(sed -n '/^  #2/,$p' out >second && names second)" = "in_read
outer" ] || fail "$(cat out err)"
    grep -q '^greenpatch: greenlet #[0-9]*  failed: on purpose (error -71)$' err || fail "$(cat out err)"
    [ "$(names err)" = fails ] || fail "$(cat out err)"
}

@test "watch: a greenlet that computes is reported once, with its backtrace; one that yields or sleeps is not" {
    local slice
    for slice in 10 off; do
        GREENPATCH_SLICE=$slice app watch_spawned
        [ "$(grep -c 'has kept all others from running for' err)" = 1 ] || fail "slice $slice: $(cat out err)"
        grep -q 'greenlet #[0-9]*  has kept all others from running for [0-9]* ms' err || fail "slice $slice: $(cat out err)"
        names err | grep -qx outer || fail "slice $slice: $(cat out err)"
    done
}

@test "watch: a thread is preempted and not reported; where that is off it is" {
    app watch_thread
    [ ! -s err ] || fail "$(cat out err)"
    GREENPATCH_SLICE=off app watch_thread
    [ "$(grep -c 'has kept all others from running for' err)" = 2 ] || fail "$(cat out err)"
    [ "$(names err | grep -cx outer)" = 2 ] || fail "$(cat out err)"
}

@test "watch: a sleep that is passed on is reported when it is over" {
    app watch_passed
    [ "$(grep -c 'has kept all others from running for' err)" = 1 ] || fail "$(cat out err)"
    [ "$(names err)" = "sleeps
outer" ] || fail "$(cat out err)"
}
