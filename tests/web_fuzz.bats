#!/usr/bin/env bats
# A short run of the fuzz target of the web library.

load helpers

@test "web fuzz: some seconds of HTTP and WebSocket bytes" {
    [ -e "$BUILD/libgreenpatch-web.a" ] || skip "the web library is not built here"
    command -v clang >/dev/null || skip "no clang here"
    local status=0
    timeout -k 5 200 "$ROOT/scripts/fuzz-web" "${FUZZ_SECONDS:-10}" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- || status=$?
    [ $status != 77 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/log")"
    [ $status = 0 ] || { tail -n 60 "$BATS_TEST_TMPDIR/log"; fail "expected status 0, came $status"; }
    grep -E 'number_of_executed_units' "$BATS_TEST_TMPDIR/log"
}
