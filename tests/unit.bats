#!/usr/bin/env bats
# The harness of the unit tests. The tests themselves are run by make check-units, asan and valgrind.

load helpers

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
