#!/usr/bin/env bats
# Programs made from a number note natively and under the shim the same: the short form of scripts/compare-random.

load helpers

# same_calls SEED...: what each of some hundred wrong calls returns; the last time while another thread is blocked.
same_calls() {
    local seed
    for seed; do
        record native natively 20 "$BUILD/random/calls" "$seed" 400
        record patched shimmed 20 "$BUILD/random/calls" "$seed" 400
        same_run native patched || return 1
        record native natively 20 "$BUILD/random/calls" "$seed" 400 threads
        record patched shimmed 20 "$BUILD/random/calls" "$seed" 400 threads
        same_run native patched || return 1
    done
}

@test "random calls: bad descriptors, pointers, flags and sizes give the same errors" {
    need_shim
    # shellcheck disable=SC2046
    same_calls $(seq 1 20)
}

@test "fuzz: the recogniser of sites against a disassembler, and the reader of the environment" {
    command -v clang >/dev/null || skip "no clang here"
    local status=0
    timeout -k 5 100 "$ROOT/scripts/fuzz-shim" "${FUZZ_SECONDS:-3}" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- || status=$?
    [ $status != 77 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/log")"
    [ $status = 0 ] || { tail -n 60 "$BATS_TEST_TMPDIR/log"; fail "expected status 0, came $status"; }
}

@test "random programs: threads, locks, pipes, sockets, signals, timers and children note the same" {
    need_shim
    run "$ROOT/scripts/compare-random" 16 "${RANDOM_SEED:-5000}"
    [ "$status" = 0 ] || fail "$output"
}
