#!/usr/bin/env bats
# The examples of the gevent tutorial in C (tests/tutorial/NN_name.c): each prints on standard output, byte for byte, what
# the same program prints under gevent (tests/tutorial/expected/NN_name.txt).

load helpers

TUTORIAL=${TUTORIAL:-$BUILD/tutorial}
RECORD=$BATS_TEST_DIRNAME/tutorial/expected

# twin NAME: runs it under a time limit and compares.
twin() {
    local out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err status=0
    [ -x "$TUTORIAL/$1" ] || fail "$TUTORIAL/$1 is missing: run make tutorial" || return 1
    timeout -k 2 30 env -u LD_PRELOAD "$TUTORIAL/$1" </dev/null >"$out" 2>"$err" 3>&- || status=$?
    [ $status = 0 ] || { cat "$err"; fail "$1: expected status 0, came $(status_name $status)"; } || return 1
    diff -u --label "gevent (expected)" --label "twin (came)" "$RECORD/$1.txt" "$out"
}

# web_twin NAME: the same for one that needs the web library.
web_twin() {
    [ -e "$BUILD/libgreenpatch-web.a" ] || skip "the web library is not built here (make web says what is missing)"
    twin "$1"
}

@test "the twins print the same under libgreenpatch.so with everything patched" {
    local source name
    for source in "$BATS_TEST_DIRNAME"/tutorial/[0-9]*.c; do
        name=$(basename "$source" .c)
        # 13 shows what a program patches itself; the web library stands on the core.
        case $name in 13_*) continue ;; esac
        ! grep -q 'greenpatch-web.h' "$source" || continue
        gcc -std=gnu11 -D_GNU_SOURCE -pthread -I"$BATS_TEST_DIRNAME/../include" -o "$BATS_TEST_TMPDIR/$name" "$source" \
            -L"$BUILD" -lgreenpatch -Wl,-rpath,"$BUILD"
        LD_PRELOAD=$LIBGREENPATCH timeout -k 2 30 "$BATS_TEST_TMPDIR/$name" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- ||
            { cat "$BATS_TEST_TMPDIR/err"; fail "$name: status $?"; }
        diff -u --label "gevent (expected)" --label "$name (came)" "$RECORD/$name.txt" "$BATS_TEST_TMPDIR/out"
    done
}

@test "every example of the record has a twin here" {
    local record
    for record in "$RECORD"/*.txt; do
        grep -q "twin $(basename "$record" .txt)" "$BATS_TEST_FILENAME" || fail "no twin of $record" || return 1
    done
}

@test "tutorial 01: context_switch" { twin 01_context_switch; }
@test "tutorial 02: select" { twin 02_select; }
@test "tutorial 03: sync_async_tasks" { twin 03_sync_async_tasks; }
@test "tutorial 04: fetch" { twin 04_fetch; }
@test "tutorial 05: determinism" { twin 05_determinism; }
@test "tutorial 06: spawn_forms" { twin 06_spawn_forms; }
@test "tutorial 07: subclass" { twin 07_subclass; }
@test "tutorial 08: states" { twin 08_states; }
@test "tutorial 09: shutdown_signal" { twin 09_shutdown_signal; }
@test "tutorial 10: timeout_start" { twin 10_timeout_start; }
@test "tutorial 11: timeout_scope" { twin 11_timeout_scope; }
@test "tutorial 12: timeout_args" { twin 12_timeout_args; }
@test "tutorial 13: monkey_patch" { twin 13_monkey_patch; }
@test "tutorial 14: event" { twin 14_event; }
@test "tutorial 15: async_result" { twin 15_async_result; }
@test "tutorial 16: queue_workers" { twin 16_queue_workers; }
@test "tutorial 17: queue_bounded" { twin 17_queue_bounded; }
@test "tutorial 18: group" { twin 18_group; }
@test "tutorial 19: group_map_imap" { twin 19_group_map_imap; }
@test "tutorial 20: pool" { twin 20_pool; }
@test "tutorial 21: socket_pool" { twin 21_socket_pool; }
@test "tutorial 22: bounded_semaphore" { twin 22_bounded_semaphore; }
@test "tutorial 23: lock" { twin 23_lock; }
@test "tutorial 24: local" { twin 24_local; }
@test "tutorial 25: request_local" { twin 25_request_local; }
@test "tutorial 26: subprocess" { twin 26_subprocess; }
@test "tutorial 27: pipe_relay" { twin 27_pipe_relay; }
@test "tutorial 28: actors" { twin 28_actors; }
@test "tutorial 29: zeromq" { web_twin 29_zeromq; }
@test "tutorial 30: stream_server" { twin 30_stream_server; }
@test "tutorial 31: http_server" { web_twin 31_http_server; }
@test "tutorial 32: http_streaming" { web_twin 32_http_streaming; }
@test "tutorial 33: long_poll" { web_twin 33_long_poll; }
@test "tutorial 34: websocket" { web_twin 34_websocket; }
@test "tutorial 35: chat" { web_twin 35_chat; }
