#!/usr/bin/env bats
# Programs made from a number note natively and under the shim the same: the short form of scripts/compare-random.

load helpers

@test "random programs: threads, locks, pipes, sockets, signals, timers and children note the same" {
    need_shim
    run "$ROOT/scripts/compare-random" 16 "${RANDOM_SEED:-5000}"
    [ "$status" = 0 ] || fail "$output"
}
