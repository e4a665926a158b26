#!/usr/bin/env bats
# A chat server with a thread for each connection, and a driver with a thread for each user; both under the shim.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

# chat MODE USERS ROOMS LINES
chat() {
    local mode=$1 port
    shift
    begin "$mode" server chat_server
    port=$(port_of "$mode" server)
    run_to_end "$mode" driver 60 chat_driver "$port" "$@"
    stop "$mode" server
}

@test "chat: 40 users in 4 rooms get every line in order, and who is left is known" {
    local mode
    for mode in native shim traps; do chat "$mode" 40 4 25; done
    cat "$WORK/native.server.out"
    grep -qx '40 connections, 40 at once, .* lines told' "$WORK/native.server.out"
    [[ $(grep -c ': 250 lines of 10 users, in order; ' "$WORK/native.driver.out") == 40 ]]
    as_natively server driver
}

@test "chat: 100 users in one room" {
    local mode
    for mode in native shim; do chat "$mode" 100 1 4; done
    [[ $(grep -c ': 400 lines of 100 users, in order; ' "$WORK/native.driver.out") == 100 ]]
    as_natively server driver
}
