#!/usr/bin/env bats
# Other libraries in LD_PRELOAD, before and after ours, and programs with a sanitizer in them: the same as without ours.

load helpers

# with VARIABLE=VALUE... PROGRAM: for record.
with() {
    timeout -k 2 30 env "$@" 2>&"${GUEST_STDERR:-2}" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# beside LIBRARY: some guests with it and ours, in both orders.
beside() {
    local other=/usr/lib/x86_64-linux-gnu/$1 guest
    need_shim || return 1
    [ -e "$other" ] || skip "$other is not installed"
    for guest in malloc_threads fork_threads; do
        record native with "LD_PRELOAD=$other" "$GUESTS/$guest"
        record before with "LD_PRELOAD=$LIBGREENPATCH:$other" "$GUESTS/$guest"
        record after with "LD_PRELOAD=$other:$LIBGREENPATCH" "$GUESTS/$guest"
        same_run native before && same_run native after || return 1
    done
}

# sanitized NAME GUEST...: built with -fsanitize=NAME, natively and with ours.
sanitized() {
    local name=$1 guest
    shift
    need_shim || return 1
    for guest; do
        gcc -std=gnu11 -O1 -g -pthread "-fsanitize=$name" -o "$BATS_TEST_TMPDIR/$guest" "$ROOT/tests/guest/$guest.c" -lm || return 1
        record native with -u LD_PRELOAD "$BATS_TEST_TMPDIR/$guest"
        # A shared runtime of ASan insists on being the first library unless it is told.
        record patched with ASAN_OPTIONS=verify_asan_link_order=0 "LD_PRELOAD=$LIBGREENPATCH" "$BATS_TEST_TMPDIR/$guest"
        same_run native patched || return 1
    done
}

@test "jemalloc before and after ours" {
    beside libjemalloc.so.2
}

@test "tcmalloc before and after ours" {
    beside libtcmalloc_minimal.so.4
}

@test "libfaketime before and after ours" {
    beside faketime/libfaketime.so.1
}

@test "libeatmydata before and after ours" {
    beside libeatmydata.so
}

@test "programs with the address sanitizer" {
    sanitized address echo_threads signal_handlers
}

@test "programs with the thread sanitizer" {
    sanitized thread condvar_queue
}

@test "programs with the sanitizer of undefined behaviour" {
    sanitized undefined signal_handlers
}
