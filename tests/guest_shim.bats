#!/usr/bin/env bats
# What only exists under the shim: more threads than the kernel could have, the list of a deadlock, a fixed order of running.

load helpers

setup() {
    need_shim
    ulimit -c 0
}

teardown() {
    stop_all
}

@test "100,000 threads with default stacks are parked, woken and joined" {
    LIMIT=120
    record patched shimmed "$LIMIT" "$GUESTS/parked_100k" 100000
    [ "$(cat "$BATS_TEST_TMPDIR/patched.status")" = 0 ] || { show_run patched; return 1; }
    [ "$(cat "$BATS_TEST_TMPDIR/patched.out")" = "100000 threads parked, woken and joined
done" ] || { show_run patched; return 1; }
    bounded patched patched
    [ "$(stats_value greenlets-made "$BATS_TEST_TMPDIR/patched.err")" -ge 100000 ]
    [ "$(stats_value greenlets-peak "$BATS_TEST_TMPDIR/patched.err")" -ge 100000 ]
    echo "# $(grep '^memory:' "$BATS_TEST_TMPDIR/patched.err")" >&3
}

@test "1,000 parked threads do natively what they do under the shim" {
    record native natively "$LIMIT" "$GUESTS/parked_100k" 1000
    record patched shimmed "$LIMIT" "$GUESTS/parked_100k" 1000
    sed -i '/^memory:/d' "$BATS_TEST_TMPDIR/native.err" "$BATS_TEST_TMPDIR/patched.err"
    same_run native patched
    bounded patched patched
}

# deadlocked FILE: the whole list is there: the first line and one for each of the three threads.
deadlocked() {
    grep -q '^greenpatch: deadlock: 3 greenlets are parked and nothing can wake them' "$1" &&
        [ "$(grep -c '^greenpatch:   #.* waits for ' "$1")" -ge 3 ]
}

@test "a deadlock of two threads is listed, with both names and what they wait for" {
    start_background dead shimmed 30 "$GUESTS/deadlock"
    wait_until 20 deadlocked "$BATS_TEST_TMPDIR/dead.err" || { cat "$BATS_TEST_TMPDIR/dead.err"; return 1; }
    cat "$BATS_TEST_TMPDIR/dead.err"
    grep -E '^greenpatch:   #[0-9]+ alpha waits for futex .*, since [0-9.]+ s$' "$BATS_TEST_TMPDIR/dead.err"
    grep -E '^greenpatch:   #[0-9]+ omega waits for futex .*, since [0-9.]+ s$' "$BATS_TEST_TMPDIR/dead.err"
    [ "$(grep -c '^greenpatch: deadlock:' "$BATS_TEST_TMPDIR/dead.err")" = 1 ]
    kill -0 "$(background_pid dead)" # it goes on waiting
    stop_background dead
}

@test "userfaultfd: refused and counted where threads are greenlets, passed on where they are the kernel's" {
    record native natively 20 "$GUESTS/userfault"
    record patched shimmed 20 "$GUESTS/userfault"
    [ "$(cat "$BATS_TEST_TMPDIR/patched.out")" = "not to be had: ENOSYS" ] || { show_run patched; return 1; }
    grep '^greenpatch: stats: refused userfaultfd 1$' "$BATS_TEST_TMPDIR/patched.err"
    GREENPATCH_PATCH=all,-thread record kernel shimmed 20 "$GUESTS/userfault"
    same_run native kernel
}

@test "GREENPATCH_DEADLOCK=abort ends a deadlock with SIGABRT" {
    LIMIT=20
    GREENPATCH_DEADLOCK=abort record dead shimmed "$LIMIT" "$GUESTS/deadlock"
    [ "$(cat "$BATS_TEST_TMPDIR/dead.status")" = 134 ] || { show_run dead; return 1; }
    deadlocked "$BATS_TEST_TMPDIR/dead.err"
}

@test "a deadlocked program still takes signals: SIGTERM ends it as natively" {
    start_background dead shimmed 30 "$GUESTS/deadlock"
    wait_until 20 deadlocked "$BATS_TEST_TMPDIR/dead.err" || { cat "$BATS_TEST_TMPDIR/dead.err"; return 1; }
    stop_background dead TERM
    [ "$STATUS" = 143 ] || fail "expected status 143, came $STATUS"
}

@test "with GREENPATCH_SLICE=off the threads run in the same order every time" {
    for run in 1 2 3; do
        GREENPATCH_SLICE=off record "run$run" shimmed "$LIMIT" "$GUESTS/order_trace"
        [ "$(cat "$BATS_TEST_TMPDIR/run$run.status")" = 0 ] || { show_run "run$run"; return 1; }
    done
    same_run run1 run2
    same_run run1 run3
}

@test "with a slice of 1 ms threads that compute and threads that spin come to the same results" {
    export GREENPATCH_SLICE=1
    same_patched float_state
    same_patched spin_flag
    same_patched malloc_threads
    same_patched stdio_threads
}

# Each optional feature of the kernel off by itself: the programs must not notice. (All of them: conditions.bats.)
without_feature() {
    local guest
    export GREENPATCH_FEATURES=$1
    SAYS='its stack is used up' same_patched stack_overflow || { echo "in stack_overflow with GREENPATCH_FEATURES=$1"; return 1; }
    for guest in thread_stacks thread_many memory_limits pipe_big socket_big eventfd timerfd close_blocked futex_shared \
        fifo_tty poll_calls spawn; do
        same_patched $guest || { echo "in $guest with GREENPATCH_FEATURES=$1"; return 1; }
    done
}

@test "without cheap stack guards programs behave the same" {
    without_feature -guard
}

@test "without NOWAIT reads and writes on pipes programs behave the same" {
    without_feature -nowait
}

@test "without io_uring programs behave the same" {
    without_feature -iouring
}

@test "without FSGSBASE programs behave the same" {
    without_feature -fsgsbase
}

@test "a group that is not patched is passed on, and the program behaves the same" {
    for groups in all,-socket all,-time all,-select all,-io all,-process all,-dns; do
        GREENPATCH_PATCH=$groups record patched shimmed "$LIMIT" "$GUESTS/thread_ids"
        [ "$(cat "$BATS_TEST_TMPDIR/patched.status")" = 0 ] || { echo "with GREENPATCH_PATCH=$groups"; show_run patched; return 1; }
    done
}

@test "statistics name every key once" {
    record patched shimmed "$LIMIT" "$GUESTS/sleep_calls"
    for key in pid program greenlets-made greenlets-peak switches parks traps sites-patched sites-trapping kernel-threads-peak \
        calls-pass calls-park calls-emulate calls-offload calls-refuse preemptions; do
        [ "$(grep -c "^greenpatch: stats: $key " "$BATS_TEST_TMPDIR/patched.err")" = 1 ] || {
            cat "$BATS_TEST_TMPDIR/patched.err"
            fail "expected one line for $key" || return 1
        }
    done
}

@test "a text whose sites are patched stays one mapping" {
    same_three_ways text_whole
}

@test "GREENPATCH_REWRITE=off patches no site" {
    GREENPATCH_REWRITE=off record traps shimmed "$LIMIT" "$GUESTS/thread_join"
    [ "$(stats_value sites-patched "$BATS_TEST_TMPDIR/traps.err")" = 0 ]
    [ "$(stats_value traps "$BATS_TEST_TMPDIR/traps.err")" -gt 100 ]
}

@test "with less address space than we need: one line that says what is missing, never a crash or a hang" {
    local kib status line said=0
    cd "$BATS_TEST_TMPDIR" || return
    for kib in 2000 2600 3000 3600 4200 5000 6000 7000 8000 12000; do
        status=0
        # shellcheck disable=SC2016
        timeout 10 bash -c 'ulimit -v $1 && LD_PRELOAD=$2 exec "$3"' limited $kib "$LIBGREENPATCH" "$GUESTS/errno_kept" >out 2>err || status=$?
        line=$(grep '^greenpatch: .*could not be had' err || true)
        case $status in
        0) ;;
        1) grep -q FAILED out ;; # the program's own: no thread could be had
        126) [ -n "$line" ] && said=$((said + 1)) ;;
        127) grep -q 'cannot allocate\|failed to map\|Cannot allocate\|cannot map' err ;;
        *) false ;;
        esac || fail "with $kib KiB: status $status: $(cat out err)" || return 1
    done
    [ $said -gt 0 ] || fail "the line was never said"
}

@test "what cannot be had is refused: an error, one line that says why, and a count" {
    local what
    ulimit -c 0
    cd "$BATS_TEST_TMPDIR" || return
    record refused shimmed 10 "$GUESTS/refused"
    [ "$(cat refused.status)" = 0 ] || show_run refused || return 1
    diff -u - refused.out <<'END' || return 1
unshare files: EINVAL
unshare files: EINVAL
unshare directory: EINVAL
unshare directory: EINVAL
gs base: EPERM
gs base: EPERM
shadow stack: EOPNOTSUPP
shadow stack: EOPNOTSUPP
x32: ENOSYS
x32: ENOSYS
strict seccomp: EINVAL
strict seccomp: EINVAL
int80: not had
done
END
    for what in 'unshare 4' 'arch_prctl(ARCH_SET_GS) 2' 'arch_prctl(ARCH_SHSTK_ENABLE) 2' 'x32 2' 'seccomp 2'; do
        grep -qxF "greenpatch: stats: refused $what" refused.err || fail "not counted: $what" "$(cat refused.err)" || return 1
        what=${what% *}
        [ "$(grep -cF "greenpatch: $what: refused, " refused.err)" = 1 ] || fail "not said once: $what" "$(cat refused.err)" || return 1
    done
}
