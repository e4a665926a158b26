#!/usr/bin/env bats
# scripts/demo, the command of the README.

load real_helpers
export BATS_TEST_TIMEOUT=150

setup() { real_setup; }
teardown() { real_teardown; }

@test "demo: serves hundreds of connections and says so" {
    local out
    out=$(cd "$WORK" && "$ROOT/scripts/demo" 200 2 3>&-)
    echo "$out"
    grep -qE '^connections served +400 +400$' <<<"$out"
    grep -qE '^failed +0 +0$' <<<"$out"
    grep -qF 'byte for byte' <<<"$out"
}

@test "demo: a wrong number of threads is refused" {
    run "$ROOT/scripts/demo" many
    [[ $status == 1 ]]
    [[ $output == *"'many' is not a number"* ]]
}
