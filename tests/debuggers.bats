#!/usr/bin/env bats
# gdb and strace on patched programs: greenlets are found, breakpoints and steps work, and the program does not notice.

load helpers

SCRIPT=$ROOT/scripts/greenpatch-gdb.py

setup() {
    need_shim
    mkfifo "$BATS_TEST_TMPDIR/in"
}

teardown() {
    stop_all
}

# start_debugged [ARG]: the guest, patched, with its threads at work; its input comes from descriptor 7.
start_debugged() {
    exec 7<>"$BATS_TEST_TMPDIR/in"
    # shellcheck disable=SC2016
    start_server debugged 10 'grep -q ready "$dir/debugged.err"' bash -c '
        export LD_PRELOAD=$1
        exec "$2" ${4:+"$4"} <"$3"' bash "$LIBGREENPATCH" "$GUESTS/debugged" "$BATS_TEST_TMPDIR/in" "$@"
}

# in_gdb ARGS...: gdb with our script and no configuration of the user's.
in_gdb() {
    timeout -k 2 60 gdb -q -nx -batch -iex 'set debuginfod enabled off' -x "$SCRIPT" "$@" 2>&1
}

@test "gdb: lists greenlets, shows the frames of a parked one; the program goes on" {
    start_debugged
    sleep 0.1 # deep waits by now; a list is right in any case
    run in_gdb -p "$(background_pid debugged)" -ex 'info greenlets' -ex 'greenlet 2' -ex 'frame function waits_deep' \
        -ex 'frame function deep' -ex 'print n' -ex 'greenlet all bt -2' -ex 'greenlet off' -ex detach
    echo "$output"
    [[ $output == *'#1 main: waits for descriptor 0x0'* ]]
    [[ $output == *'#2 deep: waits for futex '* ]]
    [[ $output == *'#3 '*': run'* ]]
    [[ $output == *'in waits_deep (arg='* ]]
    [[ $output == *'$1 = 0'* ]]
    [[ $output == *' in main '* || $output == *' main (argc='* ]]
    echo >&7
    reap "$(background_pid debugged)"
    [ "$STATUS" = 0 ]
    grep -qx 'sum 7' "$BATS_TEST_TMPDIR/debugged.out"
}

@test "gdb: the greenlets in a core file" {
    cd "$BATS_TEST_TMPDIR"
    [ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip 'core files do not go to the working directory here'
    ulimit -c unlimited || skip 'no core files here'
    start_debugged abort
    sleep 0.1
    echo >&7
    reap "$(background_pid debugged)"
    [ "$STATUS" = 134 ]
    local core
    core=$(ls core*)
    run in_gdb "$GUESTS/debugged" "$core" -ex 'info greenlets' -ex 'greenlet 2' -ex bt
    echo "$output"
    [[ $output == *'* #1 main: running'* ]]
    [[ $output == *' waits_deep (arg='* ]]
    [[ $output == *' deep (n='* ]]
}

@test "gdb: break, step, finish and the end of a program that it starts" {
    echo >"$BATS_TEST_TMPDIR/line"
    run in_gdb -ex "set environment LD_PRELOAD $LIBGREENPATCH" -ex 'break deep if n == 1' \
        -ex "run <$BATS_TEST_TMPDIR/line" -ex 'info greenlets' -ex step -ex 'print n' -ex delete -ex continue "$GUESTS/debugged"
    echo "$output"
    [[ $output == *'deep (n=1)'* || $output == *'deep (n=n@entry=1)'* ]]
    [[ $output == *'* #2 deep: running'* ]]
    [[ $output == *'sum 7'* ]]
    [[ $output == *'exited normally'* ]]
}

@test "strace: a traced program does the same" {
    printf x | timeout 20 env LD_PRELOAD= "$GUESTS/debugged" >"$BATS_TEST_TMPDIR/native"
    printf x | timeout 20 strace -f -o "$BATS_TEST_TMPDIR/trace" -E "LD_PRELOAD=$LIBGREENPATCH" "$GUESTS/debugged" >"$BATS_TEST_TMPDIR/traced"
    cmp "$BATS_TEST_TMPDIR/native" "$BATS_TEST_TMPDIR/traced"
    grep -q 'SYS_USER_DISPATCH' "$BATS_TEST_TMPDIR/trace"
    tail -n 1 "$BATS_TEST_TMPDIR/trace" | grep -q 'exited with 0'
}

# No machine of ours has shadow stacks: strace answers in the kernel's place that one is in use.
@test "a program with a shadow stack (CET) is refused with what helps" {
    local status=0
    cd "$BATS_TEST_TMPDIR" || return
    strace -o trace -E LD_PRELOAD="$LIBGREENPATCH" -e trace=arch_prctl -e inject=arch_prctl:retval=0:poke_exit=@arg2=0100000000000000:when=2 \
        "$GUESTS/errno_kept" >out 2>err || status=$?
    [ "$status" = 126 ] || fail "expected status 126, came $status: $(cat err)" || return 1
    grep -q '0x5005.*INJECTED' trace || fail "the second arch_prctl is not the question for shadow stacks: $(cat trace)" || return 1
    grep -q '^greenpatch: shadow stacks (CET) are in use: .*GLIBC_TUNABLES=glibc.cpu.x86_shstk=off' err || fail "came: $(cat err)" || return 1
    [ ! -s out ] || fail "the program ran: $(cat out)"
}
