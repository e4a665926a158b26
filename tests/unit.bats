#!/usr/bin/env bats
# The unit tests of core, and of the files of the shim that work alone: a program for each noun, a line here for each
# program. What a program says about its cases is shown when one of them fails.

load helpers

UNITS=${UNITS:-$BUILD/unit}

# unit NAME: runs it under a time limit; 77 means that it cannot run here.
unit() {
    local status=0
    [ -x "$UNITS/$1" ] || fail "$UNITS/$1 is missing: run make units" || return 1
    ulimit -c 0
    timeout -k 2 60 env -u LD_PRELOAD "$UNITS/$1" 3>&- || status=$?
    [ $status != 77 ] || skip "$1 cannot run here"
    [ $status = 0 ] || fail "$1: expected status 0, came $(status_name $status)"
}

@test "unit list: order, removal, splicing, against an array" { unit list; }
@test "unit actor: messages, questions, answers, ends" { unit actor; }
@test "unit alloc: zeroed, aligned, kept by realloc, never overlapping" { unit alloc; }
@test "unit print: lines as printf makes them, cut where they do not fit" { unit print; }
@test "unit timeout: the heap of deadlines against an array, sleeps in their order" { unit timeout; }
@test "unit scope: limits of time around calls, nested, and against a model" { unit scope; }
@test "unit context: registers and control words over a switch" { unit context; }
@test "unit stack: sizes, guard pages, stacks used again" { unit stack; }
@test "unit greenlet: spawn, join and its errors, references, numbers" { unit greenlet; }
@test "unit ending: values, errors, what is done at the end, a later start" { unit ending; }
@test "unit kill: in whatever state, told once; the end of all" { unit kill; }
@test "unit link: links, ends one by one, waiting until nobody can run" { unit link; }
@test "unit local: each greenlet has its own values, destructors in their order" { unit local; }
@test "unit group: members come and leave, are waited for, killed, walked through" { unit group; }
@test "unit pool: places, who gets one and when, a pool against a model" { unit pool; }
@test "unit map: calls over a group, their results one by one, in order and as they come" { unit map; }
@test "unit server: addresses; connections and datagrams, limits, no descriptors, sockets handed over" { unit server; }
@test "unit sched: turns, wake-ups and looks at the loop in gevent's order" { unit sched; }
@test "unit errno: each greenlet has its own" { unit errno; }
@test "unit hub: hidden descriptors, hooks, the sleep in the kernel" { unit hub; }
@test "unit wait: descriptors, deadlines, numbers closed and reused" { unit wait; }
@test "unit offload: jobs on helper threads while the hub goes on" { unit offload; }
@test "unit io: reading, writing, closing; O_NONBLOCK stays what it was" { unit io; }
@test "unit socket: data, connections, refusals, resets" { unit socket; }
@test "unit poll: poll and select with deadlines" { unit poll; }
@test "unit fault_io: files, names, programs and servers without memory and without descriptors" { unit fault_io; }
@test "unit fault_objects: constructors, queues and actors without memory" { unit fault_objects; }
@test "unit fault_talk: pipes, connections, actors and errors without memory" { unit fault_talk; }
@test "unit file: files by helper threads" { unit file; }
@test "unit apart: blocking functions, and names, on threads of the pool" { unit apart; }
@test "unit subprocess: programs beside the greenlets" { unit subprocess; }
@test "unit pipe: whole messages between processes" { unit pipe; }
@test "unit process: waiting for children, forking" { unit process; }
@test "unit signal: handlers that run in greenlets" { unit signal; }
@test "unit fork: the child has a hub that works, the parent's goes on" { unit fork; }
@test "unit many: 10,000 greenlets" { unit many; }
@test "unit debug: the list, backtraces, the trace of switches, the watch" { unit debug; }
@test "unit dump: who waits for what, and deadlocks told once" { unit dump; }
@test "unit event: gevent's order of wake-ups, waits that end otherwise, misuse" { unit event; }
@test "unit async_result: values, errors, greenlets that fill it, gevent's order" { unit async_result; }
@test "unit semaphore: gevent's order, random operations against a model" { unit semaphore; }
@test "unit lock: who has it, recursion, gevent's order" { unit lock; }
@test "unit condition: the lock after each kind of end, the order of Python's" { unit condition; }
@test "unit barrier: going on together, breaking, resetting, the order of Python's" { unit barrier; }
@test "unit rwlock: readers together, writers alone, nobody overtakes" { unit rwlock; }
@test "unit fault: no memory, no descriptor, no thread" { unit fault; }
@test "unit insn: which system call sites can be patched, and how" { unit insn; }
@test "unit channel: who meets whom, tries, closing, misuse" { unit channel; }
@test "unit queue: what comes out, limits, closing, freeing, misuse" { unit queue; }
@test "unit queue_order: gevent's order around queues and channels, recorded" { unit queue_order; }
@test "unit queue_random: random operations against a model, of many greenlets with kills and deadlines" { unit queue_random; }
@test "unit select: which case is carried out, and what becomes of the others" { unit select; }
@test "unit maps: what /proc/self/maps says" { unit maps; }
@test "unit config: the GREENPATCH_ variables" { unit config; }

@test "unit: every program of tests/unit is run here" {
    local file name missing=
    for file in "$ROOT"/tests/unit/*.c; do
        name=$(basename "$file" .c)
        grep -q "{ unit $name; }" "$ROOT/tests/unit.bats" || missing+=" $name"
    done
    [ -z "$missing" ] || fail "expected a line for each, came none for$missing"
}

@test "unit: the harness notices a failed check, a crash and a case that does not end" {
    cat >"$BATS_TEST_TMPDIR/odd.c" <<'END'
#include "unit.h"
CASE("holds") { EXPECT_INT(1, 1); }
CASE("fails") { EXPECT_INT(1, 2); EXPECT_STR("a", "b"); EXPECT(0); }
CASE("crashes") { abort(); }
CASE("hangs") { for (;;) pause(); }
CASE("leaves") { exit(5); }
CASE("cannot") { unit_skip("no such thing here"); }
END
    gcc -std=gnu11 -Wall -Wextra -Werror -I"$ROOT/tests/unit" -o "$BATS_TEST_TMPDIR/odd" "$BATS_TEST_TMPDIR/odd.c"
    UNIT_LIMIT=1 run timeout 20 "$BATS_TEST_TMPDIR/odd"
    [ "$status" = 1 ]
    [[ $output == *"ok 1 - odd: holds"* ]]
    [[ $output == *"# odd.c:3: 1: expected 2 (2), came 1"*"not ok 2 - odd: fails"* ]]
    [[ $output == *'expected "b", came "a"'* ]]
    [[ $output == *"signal 6 (SIGABRT)"*"not ok 3 - odd: crashes"* ]]
    [[ $output == *"expected an end within 1 s, came none"*"not ok 4 - odd: hangs"* ]]
    [[ $output == *"expected exit status 0, came 5"*"not ok 5 - odd: leaves"* ]]
    [[ $output == *"ok 6 - odd: cannot # SKIP no such thing here"* ]]
    run timeout 20 "$BATS_TEST_TMPDIR/odd" cannot
    [ "$status" = 77 ]
    run timeout 20 "$BATS_TEST_TMPDIR/odd" "no such case"
    [ "$status" = 1 ]
}
