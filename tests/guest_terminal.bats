#!/usr/bin/env bats
# A program on a terminal of its own, under a shell with job control.

load helpers

@test "terminal: Ctrl-Z, bg, fg, Ctrl-C, Ctrl-D and Ctrl-\\ do what they do natively" {
    need_shim
    cd "$BATS_TEST_TMPDIR"
    ulimit -c 0
    timeout 60 env -u LD_PRELOAD python3 "$ROOT/tests/python/job_control.py" "$GUESTS/terminal" >native
    timeout 60 env -u LD_PRELOAD PRELOAD="$LIBGREENPATCH" python3 "$ROOT/tests/python/job_control.py" "$GUESTS/terminal" >patched
    diff -u native patched
    grep -qx 'status 131' native
}
