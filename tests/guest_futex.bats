#!/usr/bin/env bats
# futex through syscall(2), and the clocks: each guest natively, on traps only and patched.

load helpers

@test "futex: WAIT, WAKE and BITSET forms wake whom they should" {
    same_three_ways futex_basic
}

@test "futex: REQUEUE, CMP_REQUEUE and WAKE_OP wake, move and store" {
    same_three_ways futex_requeue
}

@test "futex: WAIT_REQUEUE_PI and CMP_REQUEUE_PI make owners; what does not go together is refused" {
    same_three_ways futex_requeue_pi
}

@test "futex: time limits on both clocks, and every error" {
    same_three_ways futex_errors
}

@test "futex: process-shared objects between a parent with threads and its child" {
    same_three_ways futex_shared
}

@test "futex: futex_waitv waits for several words, also of other processes" {
    same_three_ways futex_waitv
}

@test "time: threads sleep at the same time and wake in the order of their delays" {
    same_three_ways sleep_order
}

@test "time: nanosleep and clock_nanosleep, relative and absolute, and their errors" {
    same_three_ways sleep_calls
}

@test "futex: a wake for a waiter that has just left goes to one in another process" {
    same_three_ways futex_given
}
