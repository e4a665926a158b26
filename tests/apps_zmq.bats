#!/usr/bin/env bats
# libzmq, which has I/O threads of its own that talk to the program's by eventfd: REQ and REP, PUB and SUB.

load apps_helpers

setup() { real_setup; }
teardown() { real_teardown; }

@test "libzmq: 20 REQ sockets in threads are answered by 5 workers behind a proxy" {
    local mode port
    for mode in native shim traps; do
        begin "$mode" server zmq_reqrep server 5
        port=$(port_of "$mode" server)
        run_to_end "$mode" client 60 zmq_reqrep client "$port" 20 50
        stop "$mode" server
    done
    grep -qx '1000 answered by 5 workers' "$WORK/native.server.out"
    [[ $(grep -c ': 50 of 50 answers right' "$WORK/native.client.out") == 20 ]]
    as_natively server client
}

@test "libzmq: 10 SUB sockets in threads get all that is published of their topics, in order" {
    local mode ports
    for mode in native shim traps; do
        begin "$mode" publisher zmq_pubsub publisher 10 3000
        ports=$(port_of "$mode" publisher)
        # shellcheck disable=SC2086 # two ports
        run_to_end "$mode" subscriber 60 zmq_pubsub subscriber $ports 10
        collect "$mode" publisher 20
    done
    [[ $(grep -c ': 3000 messages, .* in order' "$WORK/native.subscriber.out") == 5 ]]
    [[ $(grep -c ': 1000 messages, .* in order' "$WORK/native.subscriber.out") == 5 ]]
    as_natively publisher subscriber
}

@test "libzmq: the publisher natively, the subscribers under the shim, and the other way round" {
    local mode other ports
    for mode in native shim; do
        [[ $mode == native ]] && other=shim || other=native
        begin "$mode" publisher zmq_pubsub publisher 10 3000
        ports=$(port_of "$mode" publisher)
        # shellcheck disable=SC2086
        run_to_end "$other" subscriber 60 zmq_pubsub subscriber $ports 10
        collect "$mode" publisher 20
    done
    as_natively publisher subscriber
}
