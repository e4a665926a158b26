#!/usr/bin/env bats
# The same program with the same input runs in the same order, every time and on a busy machine: the order of all switches
# (tests/trace/trace.c notes it) of the twins of the tutorial and of a pool program, in 100 runs each. Half of them are made
# many at a time beside stress-ng, if it is there.
#
# Of 02, 03, 06 and 19 the output is compared, not the order of all switches: they have timers of several lengths, and on a
# busy machine it is the clock that decides which of them are due in the same look at the loop, and so what runs before the
# second. The twins that talk to the kernel, a child or a peer (04, 09, 13, 21, 25 to 27, 29 and above) get their input when
# it arrives; tutorial.bats compares what they print.

load helpers

TRACED=${TRACED:-$BUILD/trace}

# same_order NAME: runs it 100 times and compares.
same_order() {
    local dir=$BATS_TEST_TMPDIR load=
    [ -x "$TRACED/$1" ] || fail "$TRACED/$1 is missing: run make tutorial" || return 1
    runs "$1" 1 50 || return 1
    if command -v stress-ng >/dev/null; then
        stress-ng --quiet --cpu 2 --timeout 100 3>&- &
        load=$!
    fi
    runs "$1" 51 100 || { [ -z "$load" ] || kill "$load"; return 1; }
    [ -z "$load" ] || { kill "$load"; wait "$load" || true; }
    local i
    for i in $(seq 2 100); do
        cmp "$dir/1" "$dir/$i" || fail "$1: the order of run $i is not that of run 1" || return 1
    done
}

# runs NAME FROM TO: ten at a time; each leaves its trace in a file.
runs() {
    seq "$2" "$3" | xargs -P 10 -I N timeout -k 2 60 env -u LD_PRELOAD TRACE="$BATS_TEST_TMPDIR/N" "$TRACED/$1" \
        >/dev/null 2>&1 3>&- || fail "$1: expected status 0 from every run" || return 1
    local i
    for i in $(seq "$2" "$3"); do
        [ -s "$BATS_TEST_TMPDIR/$i" ] || fail "$1: run $i left no trace" || return 1
    done
}

# same_output NAME: what it prints, in 100 runs, five at a time, is the record of tests/tutorial.
same_output() {
    local dir=$BATS_TEST_TMPDIR i
    [ -x "$BUILD/tutorial/$1" ] || fail "$BUILD/tutorial/$1 is missing: run make tutorial" || return 1
    # shellcheck disable=SC2016
    seq 100 | xargs -P 5 -I @ timeout -k 2 60 env -u LD_PRELOAD sh -c '"$0" >"$1"' "$BUILD/tutorial/$1" "$dir/@" 3>&- ||
        fail "$1: expected status 0 from every run" || return 1
    for i in $(seq 100); do
        diff -u --label "gevent (expected)" --label "run $i (came)" "$ROOT/tests/tutorial/expected/$1.txt" "$dir/$i" || return 1
    done
}

@test "determinism: 01_context_switch" { same_order 01_context_switch; }
@test "determinism: 05_determinism" { same_order 05_determinism; }
@test "determinism: 07_subclass" { same_order 07_subclass; }
@test "determinism: 08_states" { same_order 08_states; }
@test "determinism: 10_timeout_start" { same_order 10_timeout_start; }
@test "determinism: 11_timeout_scope" { same_order 11_timeout_scope; }
@test "determinism: 12_timeout_args" { same_order 12_timeout_args; }
@test "determinism: 14_event" { same_order 14_event; }
@test "determinism: 15_async_result" { same_order 15_async_result; }
@test "determinism: 16_queue_workers" { same_order 16_queue_workers; }
@test "determinism: 17_queue_bounded" { same_order 17_queue_bounded; }
@test "determinism: 18_group" { same_order 18_group; }
@test "determinism: 20_pool" { same_order 20_pool; }
@test "determinism: 22_bounded_semaphore" { same_order 22_bounded_semaphore; }
@test "determinism: 23_lock" { same_order 23_lock; }
@test "determinism: 24_local" { same_order 24_local; }
@test "determinism: 28_actors" { same_order 28_actors; }
@test "determinism: pool_work" { same_order pool_work; }
@test "determinism: what 02_select prints" { same_output 02_select; }
@test "determinism: what 03_sync_async_tasks prints" { same_output 03_sync_async_tasks; }
@test "determinism: what 06_spawn_forms prints" { same_output 06_spawn_forms; }
@test "determinism: what 19_group_map_imap prints" { same_output 19_group_map_imap; }
