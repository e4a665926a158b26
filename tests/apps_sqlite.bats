#!/usr/bin/env bats
# libsqlite3 in 20 threads of a C program: busy handlers, locks of the file, one connection for eight threads.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

@test "libsqlite3: 6 writers, 6 readers and 8 threads on one connection" {
    local mode
    for mode in native shim traps; do
        run_to_end "$mode" threads 60 sqlite_threads "$WORK/$mode.db"
        [[ $(sqlite3 "$WORK/$mode.db" 'PRAGMA integrity_check') == ok ]]
    done
    cat "$WORK/native.threads.out"
    grep -qx 'readers saw 0 wrong states' "$WORK/native.threads.out"
    grep -qx 'in order: 320' "$WORK/native.threads.out"
    as_natively threads
}
