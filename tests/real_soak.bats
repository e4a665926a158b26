#!/usr/bin/env bats
# Servers under load while everything goes wrong around them; scripts/soak-servers does it for ten minutes each.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() { real_teardown; }

soak() { (cd "$WORK" && TMPDIR=$WORK "$ROOT/scripts/soak-servers" --lib "$LIB" --seconds 5 "$@" 3>&-); }

@test "a threaded server in Python: nothing is lost, nothing grows" { soak python; }
@test "redis: nothing is lost, nothing grows" { soak redis; }
@test "memcached: nothing is lost, nothing grows" { soak memcached; }

server_runs() { server=$(sed -n 's/^python: process \([0-9]*\),.*/\1/p' "$WORK/said") && [[ -n $server ]]; }

@test "a server that ends is noticed" {
    local status=0 driver
    soak python --seconds 60 >"$WORK/said" 2>&1 &
    driver=$!
    until_true 10 server_runs
    kill -KILL "$server"
    wait $driver || status=$?
    [[ $status == 1 ]] && grep -q 'the server ended with status -9' "$WORK/said" && return
    echo "expected status 1 and 'the server ended with status -9', came status $status and:"
    cat "$WORK/said"
    false
}
