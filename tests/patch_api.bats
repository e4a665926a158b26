#!/usr/bin/env bats
# gp_patch() and its relatives in a program that links libgreenpatch.so instead of preloading it, and greenlets of
# gp_spawn() that make plain calls of libc.

load helpers

APP=$BUILD/app/patch_api

setup() {
    need_shim
    [ -x "$APP" ] || fail "$APP is missing: run make apps"
    ulimit -c 0
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    stop_all
}

# app CASE [SECONDS]: runs it without LD_PRELOAD; its output and status are in $output and $status.
app() {
    run timeout -k 2 "${2:-20}" env -u LD_PRELOAD "$APP" "$1" 3>&-
}

# prints CASE LINES: it prints exactly these lines and ends with status 0.
prints() {
    app "$1"
    [ "$status" = 0 ] && [ "$output" = "$2" ] || fail "$1: expected status 0 and
$2
came status $status and
$output"
}

# on_traps CASE LINES: the same where every call traps.
on_traps() {
    GREENPATCH_REWRITE=off prints "$@"
}

@test "patch: the errors of gp_patch, and what is patched then" {
    prints errors "no group: -22
a group that does not exist: -22
is no group patched: 0
all: 0
patched: 1"
}

@test "patch: two greenlets with plain calls and a child, all at the same time" {
    prints calls "rwc then RW, and C among them"
    on_traps calls "rwc then RW, and C among them"
}

@test "patch: a thousand greenlets sleep at once and keep their errno" {
    prints crowd "a thousand sleepers: at once"
    on_traps crowd "a thousand sleepers: at once"
}

@test "patch: a thread of pthread_create and a greenlet of gp_spawn take turns" {
    prints threads "200 turns between a thread and a greenlet"
    on_traps threads "200 turns between a thread and a greenlet"
}

SIGNALS="a handler ran in gp_sleep, which went on
a handler ran in gp_join, which went on
handlers ran on the way out of calls that do not park
raise is taken by the greenlet that called it
a handler jumped out of gp_sleep"

@test "patch: a signal that comes during a gp_ call is taken before it returns" {
    prints signals "$SIGNALS"
    on_traps signals "$SIGNALS"
    GREENPATCH_SLICE=1 prints signals "$SIGNALS"
}

@test "patch: a deadly signal ends a program that is in gp_sleep" {
    app deadly
    [ "$status" = 142 ] || fail "expected status 142, came $status"
}

@test "patch: abort in a greenlet is SIGABRT" {
    app aborted
    [ "$status" = 134 ] || fail "expected status 134, came $status"
}

@test "patch: a greenlet patches while others are asleep" {
    prints late "  one goes to sleep
  two goes to sleep
  one is awake
  two is awake
patched by a greenlet, with others about"
}

@test "patch: a preloaded program is patched before main, and may call gp_spawn" {
    record preloaded shimmed 20 "$APP" calls
    [ "$(cat "$BATS_TEST_TMPDIR/preloaded.status")" = 0 ] || { show_run preloaded; return 1; }
    record preloaded shimmed 20 "$APP" errors
    grep -qx 'patched: 1' "$BATS_TEST_TMPDIR/preloaded.out"
    record preloaded shimmed 20 "$APP" signals
    [ "$(cat "$BATS_TEST_TMPDIR/preloaded.out")" = "$SIGNALS" ] || { show_run preloaded; return 1; }
}

@test "patch: a wrong GREENPATCH_ value is an error of gp_patch, and said" {
    GREENPATCH_SLICE=abc app errors
    [[ $output == *"greenpatch: GREENPATCH_SLICE=abc: expected a number"* ]] || fail "expected the message, came: $output"
    [[ $output == *"all: -22"* && $output == *"patched: 0"* ]] || fail "expected -22 and nothing patched, came: $output"
}

@test "patch: a program that only links the library runs as without it" {
    # The usage line is printed before any gp_ call: no message for a wrong variable.
    GREENPATCH_SLICE=abc app no_such_case
    [ "$status" = 2 ] && [ "$output" = "usage: patch_api CASE" ] || fail "expected the usage and status 2, came status $status: $output"
}

@test "patch: two sleepers in turn, then at once, and the groups one after another" {
    app sleepers
    [ "$status" = 0 ] || fail "expected status 0, came $status: $output"
    turn="  one goes to sleep
  one is awake
  two goes to sleep
  two is awake"
    once="  one goes to sleep
  two goes to sleep
  one is awake
  two is awake"
    # groups COOPERATIVE: the list, with these cooperative and the others blocking.
    groups() {
        local name
        for name in socket select time thread io process signal dns all; do
            case " $1 " in *" $name "*) echo "  $name: cooperative" ;; *) echo "  $name: blocking" ;; esac
        done
    }
    printf '%s\n' "$output" >came
    {
        echo untouched && groups "" && echo "$turn"
        echo "sockets patched" && groups socket
        echo "select and io patched" && groups "socket select io" && echo "$turn"
        echo "everything patched" && groups "socket select time thread io process signal dns all" && echo "$once"
    } >expected
    diff -u expected came
}

@test "patch: a kernel thread from before waits with greenlets, and has none itself" {
    app kernel_threads
    [ "$status" != 77 ] || skip "the kernel has no FSGSBASE"
    [ "$status" = 0 ] || fail "expected status 0, came $status: $output"
    [[ $output == *"greenpatch: 1 kernel threads were there before us: they stay as they are"* ]] || fail "expected the line, came: $output"
    [[ $output == *"a thread from before is done"* ]] || fail "came: $output"
    GREENPATCH_FEATURES=-iouring app kernel_threads
    [ "$status" = 0 ] || fail "without futex_waitv: expected status 0, came $status: $output"
}

@test "patch: without FSGSBASE, a kernel thread from before is a reason to refuse" {
    GREENPATCH_FEATURES=-fsgsbase app kernel_threads
    [ "$status" = 77 ] && [ "$output" = refused ] || fail "expected status 77 and 'refused', came status $status: $output"
}

@test "groups: without thread, threads are the kernel's, and handlers and cancellation reach them" {
    local guest
    for guest in thread_join cancel_parked cancel_async condvar_queue signal_handlers fork_threads exit_from_thread \
        main_pthread_exit timer_thread echo_threads thread_setuid sigwait_thread; do
        record native natively "$LIMIT" "$GUESTS/$guest"
        GREENPATCH_PATCH=all,-thread record patched shimmed "$LIMIT" "$GUESTS/$guest"
        same_run native patched || { echo "in $guest"; return 1; }
    done
}

@test "groups: without time, a sleep is as long as it should be though others wait" {
    local guest
    for guest in sleep_calls condvar_timed thread_join futex_basic; do
        record native natively "$LIMIT" "$GUESTS/$guest"
        GREENPATCH_PATCH=all,-time record patched shimmed "$LIMIT" "$GUESTS/$guest"
        same_run native patched || { echo "in $guest"; return 1; }
    done
}

@test "groups: a call that is passed on keeps its time limit while others compute and are signalled" {
    local groups
    record native natively "$LIMIT" "$GUESTS/passed_timeouts"
    for groups in all all,-time,-select,-process; do
        GREENPATCH_PATCH=$groups record patched shimmed "$LIMIT" "$GUESTS/passed_timeouts"
        same_run native patched || { echo "with $groups"; return 1; }
    done
}

@test "groups: without time, SIGTERM ends a program whose one thread sleeps and the other waits" {
    start_background asleep env GREENPATCH_PATCH=all,-time LD_PRELOAD="$LIBGREENPATCH" "$BUILD/app/patch_api" asleep
    wait_until 10 grep -q asleep "$BATS_TEST_TMPDIR/asleep.out"
    stop_background asleep TERM
    [ "$STATUS" = 143 ] || fail "expected status 143, came $STATUS"
}

@test "patch: greenlets with a TLS of their own hold libc's locks over a park, are preempted, end in every way" {
    APP=$BUILD/app/patch_tls prints all "a mutex without threads: unlocked for each
at most 1 inside a recursive mutex, 3 destructors, 3 deferred
a spinner was preempted
reported: on purpose (-5)
failed and left early
reported:  (-32)
killed"
}

@test "patch: threads and greenlets of gp_spawn share semaphores, locks and their like, while signals come" {
    APP=$BUILD/app/patch_sync prints all "at most 3 inside, balance 4000, signals came: yes"
}

@test "patch: threads and greenlets of gp_spawn share queues, channels and an actor, while signals come" {
    APP=$BUILD/app/patch_queue prints all "2400 got, 2400 answered, sum 481200, left 0"
}

IO="pipe: waits, 5 hello
socket: 3 abc, then the end
poll: 1, then 0 at its deadline
file: 4 data
offload: others ran, 7
getaddrinfo: 0
signal: handled
subprocess: 0 HELLO
fork: 9
messages: 3 and whole
killed: -125 and told"

@test "patch: the cooperative calls of the core are the same in a program that is patched, and in one that is not" {
    APP=$BUILD/app/patch_io prints plain "$IO"
    APP=$BUILD/app/patch_io prints patched "$IO"
    APP=$BUILD/app/patch_io on_traps patched "$IO"
}

CANCELS="sleep: ECANCELED
read: ECANCELED
poll: ECANCELED
poll of one: ECANCELED
waitpid: ECANCELED
mutex: later
write: ECANCELED
timeouts end a read"

@test "patch: a kill or a timeout ends a plain call of a greenlet, never a wait for a mutex" {
    prints cancels "$CANCELS"
    on_traps cancels "$CANCELS"
}

SLOTS="returned: returned, first, set by a destructor, joined
exited: exited, first, set by a destructor, joined
cancelled: cancelled, first, set by a destructor, joined"

@test "patch: what a thread has in slots is destroyed when it ends, before it is joined" {
    prints slots "$SLOTS"
    on_traps slots "$SLOTS"
}

@test "patch: threads that take signals while they wait in the core's objects keep their places and miss nothing" {
    local places="queue: abcd
  given meanwhile: bacd
semaphore: abcd
  given meanwhile: bacd
select: abcd
  given meanwhile: bacd
an event that was set for a moment: acdb
a handler that jumps away: abcd
left in the queue: 0"
    APP=$BUILD/app/patch_places prints all "$places"
    APP=$BUILD/app/patch_places on_traps all "$places"
    GREENPATCH_SLICE=1 APP=$BUILD/app/patch_places prints all "$places"
}
