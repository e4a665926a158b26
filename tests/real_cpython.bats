#!/usr/bin/env bats
# The modules of CPython's own test suite that live on threads, sockets and waiting: every test has the outcome under
# the shim that it has natively. `scripts/compare-cpython` alone prints the counts of all of them.

load real_helpers
export BATS_TEST_TIMEOUT=400

setup() { real_setup; }
teardown() { real_teardown; }

compare() { (cd "$WORK" && "$ROOT/scripts/compare-cpython" --native-runs 1 --reruns 2 "$1" 3>&-); }

@test "CPython's test_threading" { compare test_threading; }
@test "CPython's test_thread" { compare test_thread; }
@test "CPython's test_queue" { compare test_queue; }
@test "CPython's test_select" { compare test_select; }
@test "CPython's test_selectors" { compare test_selectors; }
@test "CPython's test_poll" { compare test_poll; }
@test "CPython's test_epoll" { compare test_epoll; }
@test "CPython's test_socketserver" { compare test_socketserver; }
