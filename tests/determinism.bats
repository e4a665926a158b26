#!/usr/bin/env bats
# The same program with the same input runs in the same order, every time and on a busy machine: the order of all switches
# (tests/trace/trace.c notes it) of the twins of the tutorial and of a pool program, in 100 runs each. Half of them are made
# beside stress-ng, if it is there. All runs are made first, many at a time; the tests compare.
#
# Where time or peers are part of the input, the input is to arrive alike: the programs of build/trace/simulated have a
# clock that is a number (tests/trace/clock.c). tests/tutorial/README.md says of which twins only the output is compared, and
# why. TIMES= sets another number of runs.

load helpers

TRACED=${TRACED:-$BUILD/trace}
TUTORIAL=${TUTORIAL:-$BUILD/tutorial}
TIMES=${TIMES:-100}
OUTPUT="13_monkey_patch 26_subprocess 27_pipe_relay 29_zeromq"

setup_file() {
    local load=
    export RUNS=$BATS_FILE_TMPDIR
    find "$TRACED" -type f -executable -printf '%P\n' >"$RUNS/programs"
    while IFS= read -r program; do
        mkdir -p "$RUNS/$program"
    done <"$RUNS/programs"
    for program in $OUTPUT; do
        mkdir -p "$RUNS/output/$program"
    done
    runs 1 $((TIMES / 2))
    if command -v stress-ng >/dev/null; then
        stress-ng --quiet --cpu 2 --timeout 400 3>&- &
        load=$!
    fi
    runs $((TIMES / 2 + 1)) "$TIMES"
    [ -z "$load" ] || { kill "$load"; wait "$load" || true; }
}

# runs FROM TO: of all programs; each leaves its trace, or what it printed, in a file.
runs() {
    local i program
    for i in $(seq "$1" "$2"); do
        while IFS= read -r program; do
            echo "TRACE=$RUNS/$program/$i $TRACED/$program"
        done <"$RUNS/programs"
    done | timeout 400 xargs -P 12 -n 2 env -u LD_PRELOAD >/dev/null 2>&1 3>&- || echo "runs $1 to $2" >>"$RUNS/failed"
    # shellcheck disable=SC2016
    for i in $(seq "$1" "$2"); do
        for program in $OUTPUT; do
            [ ! -x "$TUTORIAL/$program" ] || echo "$TUTORIAL/$program $RUNS/output/$program/$i"
        done
    done | timeout 400 xargs -P 6 -n 2 env -u LD_PRELOAD sh -c '"$0" >"$1" 2>/dev/null </dev/null' 3>&- || echo "runs $1 to $2" >>"$RUNS/failed"
}

# same_order NAME: all of its traces are there and the same.
same_order() {
    local dir=$RUNS/$1 i
    [ -x "$TRACED/$1" ] || fail "$TRACED/$1 is missing: run make tutorial" || return 1
    for i in $(seq "$TIMES"); do
        [ -s "$dir/$i" ] || fail "$1: run $i left no trace" || return 1
    done
    (cd "$dir" && sha256sum -- *) | sort | awk '{ count[$1]++; run[$1] = run[$1] " " $2 }
        END { n = 0; for (sum in count) n++; if (n == 1) exit 0
              for (sum in count) print "# in this order: runs" run[sum]; exit 1 }' ||
        fail "$1: not all runs have the same order"
}

simulated() {
    same_order "simulated/$1"
}

web_simulated() {
    [ -e "$BUILD/libgreenpatch-web.a" ] || skip "the web library is not built here (make web says what is missing)"
    simulated "$1"
}

# same_output NAME: what it prints on the real clock is each time the record of tests/tutorial.
same_output() {
    local i
    [ -x "$TUTORIAL/$1" ] || fail "$TUTORIAL/$1 is missing: run make tutorial" || return 1
    for i in $(seq "$TIMES"); do
        cmp -s "$ROOT/tests/tutorial/expected/$1.txt" "$RUNS/output/$1/$i" ||
            diff -u --label "gevent (expected)" --label "run $i (came)" "$ROOT/tests/tutorial/expected/$1.txt" "$RUNS/output/$1/$i" || return 1
    done
}

@test "determinism: every run of every program ended with status 0" {
    [ ! -e "$RUNS/failed" ] || { cat "$RUNS/failed"; fail "expected status 0 from every run"; }
}

@test "determinism: every twin is compared" {
    local record name
    for record in "$ROOT"/tests/tutorial/expected/*.txt; do
        name=$(basename "$record" .txt)
        grep -q "_order $name\|simulated $name\|_output $name" "$BATS_TEST_FILENAME" || fail "$name is not" || return 1
    done
}

@test "determinism: 01_context_switch" { same_order 01_context_switch; }
@test "determinism: 08_states" { same_order 08_states; }
@test "determinism: 16_queue_workers" { same_order 16_queue_workers; }
@test "determinism: 18_group" { same_order 18_group; }
@test "determinism: 20_pool" { same_order 20_pool; }
@test "determinism: 23_lock" { same_order 23_lock; }
@test "determinism: 24_local" { same_order 24_local; }
@test "determinism: 28_actors" { same_order 28_actors; }
@test "determinism: pool_work" { same_order pool_work; }
@test "determinism, simulated clock: 02_select" { simulated 02_select; }
@test "determinism, simulated clock: 03_sync_async_tasks" { simulated 03_sync_async_tasks; }
@test "determinism, simulated clock: 04_fetch" { simulated 04_fetch; }
@test "determinism, simulated clock: 05_determinism" { simulated 05_determinism; }
@test "determinism, simulated clock: 06_spawn_forms" { simulated 06_spawn_forms; }
@test "determinism, simulated clock: 07_subclass" { simulated 07_subclass; }
@test "determinism, simulated clock: 09_shutdown_signal" { simulated 09_shutdown_signal; }
@test "determinism, simulated clock: 10_timeout_start" { simulated 10_timeout_start; }
@test "determinism, simulated clock: 11_timeout_scope" { simulated 11_timeout_scope; }
@test "determinism, simulated clock: 12_timeout_args" { simulated 12_timeout_args; }
@test "determinism, simulated clock: 14_event" { simulated 14_event; }
@test "determinism, simulated clock: 15_async_result" { simulated 15_async_result; }
@test "determinism, simulated clock: 17_queue_bounded" { simulated 17_queue_bounded; }
@test "determinism, simulated clock: 19_group_map_imap" { simulated 19_group_map_imap; }
@test "determinism, simulated clock: 21_socket_pool" { simulated 21_socket_pool; }
@test "determinism, simulated clock: 22_bounded_semaphore" { simulated 22_bounded_semaphore; }
@test "determinism, simulated clock: 25_request_local" { simulated 25_request_local; }
@test "determinism, simulated clock: 30_stream_server" { simulated 30_stream_server; }
@test "determinism, simulated clock: 31_http_server" { web_simulated 31_http_server; }
@test "determinism, simulated clock: 32_http_streaming" { web_simulated 32_http_streaming; }
@test "determinism, simulated clock: 33_long_poll" { web_simulated 33_long_poll; }
@test "determinism, simulated clock: 34_websocket" { web_simulated 34_websocket; }
@test "determinism, simulated clock: 35_chat" { web_simulated 35_chat; }
@test "determinism: what 13_monkey_patch prints" { same_output 13_monkey_patch; }
@test "determinism: what 26_subprocess prints" { same_output 26_subprocess; }
@test "determinism: what 27_pipe_relay prints" { same_output 27_pipe_relay; }
@test "determinism: what 29_zeromq prints" {
    [ -e "$BUILD/libgreenpatch-web.a" ] || skip "the web library is not built here (make web says what is missing)"
    same_output 29_zeromq
}
