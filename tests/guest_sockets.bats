#!/usr/bin/env bats
# Sockets and readiness: each guest natively, on traps only and patched.

load helpers

@test "sockets: a thread per connection echoes to 200 TCP clients at once" {
    same_three_ways echo_threads
}

@test "sockets: a thread per connection echoes to 200 unix clients at once" {
    same_three_ways echo_threads unix
}

@test "sockets: one send of 16 MiB sends all, MSG_WAITALL receives all" {
    same_three_ways socket_big
}

@test "sockets: MSG_WAITALL waits for all, whoever interrupts; sendmmsg sends all" {
    same_three_ways socket_waitall
}

@test "sockets: SO_RCVTIMEO and SO_SNDTIMEO end a blocking call" {
    same_three_ways socket_timeouts
}

@test "sockets: the program's own O_NONBLOCK, MSG_DONTWAIT and connect in progress" {
    same_three_ways socket_nonblock
}

@test "sockets: sendmsg, sendmmsg, peeking, shutdown under a reader, refused connects" {
    same_three_ways socket_calls
}

@test "sockets: a datagram to a Unix socket that is full waits, asleep, by any call" {
    same_three_ways datagram_full
}

@test "sockets: SO_RCVLOWAT: a read waits until so many have come" {
    same_three_ways socket_low
}

@test "sockets: a peer that breaks the connection in the middle of a large call: the part, no SIGPIPE, and the error next" {
    same_three_ways stream_breaks
}

@test "sockets: MSG_PEEK with MSG_WAITALL waits for all, without a helper thread" {
    same_three_ways socket_peek_all
    [ "$(stats_value kernel-threads-peak "$BATS_TEST_TMPDIR/patched.err")" = 1 ]
}

@test "sockets: several threads blocked in accept share the connections" {
    same_three_ways accept_many
}

@test "sockets: UDP between threads" {
    same_three_ways udp
}

@test "sockets: SCM_RIGHTS passes a descriptor with the flags its owner set" {
    same_three_ways pass_descriptor
}

@test "poll: poll and ppoll, readiness, hang-ups, time limits" {
    same_three_ways poll_calls
}

@test "poll: select and pselect, the sets and the time that is left" {
    same_three_ways select_calls
}

@test "poll: epoll_wait, epoll_pwait, epoll_pwait2, level, edge, one-shot, nested" {
    same_three_ways epoll_calls
}

@test "poll: EPOLLEXCLUSIVE between threads, edges in sets of sets, what may be asked" {
    same_three_ways epoll_exclusive
}

@test "poll: an event loop in one thread, blocking calls in the others" {
    same_three_ways event_loop
}

@test "descriptors: another process that shares them never sees O_NONBLOCK on one" {
    same_three_ways flags_outside
}
