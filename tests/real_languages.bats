#!/usr/bin/env bats
# ruby and perl with threads, unmodified.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() { real_teardown; }

# compare NAME command...: the same output and status 0 natively and under the shim.
compare() {
    local name=$1 mode
    shift
    for mode in native shim; do foreground "$mode" "$name" 60 "$@"; done
    tail -n 3 "$WORK/native.$name.out"
    same "native.$name.out" "shim.$name.out"
    on_few_threads "$name"
}

@test "ruby: threads, queues, time limits, sockets, children, signals" {
    compare ruby ruby "$ROOT/tests/apps/threads.rb"
}

@test "perl: threads, shared variables, queues, sockets, children, alarm" {
    compare perl perl "$ROOT/tests/apps/threads.pl"
}
