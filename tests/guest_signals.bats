#!/usr/bin/env bats
# Signals: each guest natively, on traps only and patched.

load helpers

@test "signals: faster than they are taken, of a timer, to the limit, in a handler" {
    TRAPS_MAX=20000 same_three_ways signal_flood
}

@test "signals: handlers, siginfo, nesting, deferral, pending ones" {
    same_three_ways signal_handlers
}

@test "signals: EINTR without SA_RESTART, going on with it" {
    same_three_ways signal_restart
}

@test "signals: one just before a call comes before it, and is no EINTR of what is ready" {
    TRAPS_MAX=40000 same_three_ways signal_first # every handler returns by a trap
}

@test "signals: masks of threads, sigwait, sigsuspend, signalfd" {
    same_three_ways signal_masks
}

@test "signals: a handler leaves a blocked read by siglongjmp" {
    same_three_ways signal_jump
}

@test "signals: faults on an alternate stack in threads, repaired or left" {
    same_three_ways signal_fault
}

@test "signals: alarm, interval timers, SIGINT, SIGCHLD" {
    same_three_ways signal_timers
}

@test "signals: a timer whose signal is blocked sends one, with its overruns" {
    same_three_ways timer_overrun
}

@test "signals: SIGTERM by kill ends the process as natively" {
    same_three_ways signal_default 15 kill
}

@test "signals: SIGTERM by raise ends the process as natively" {
    same_three_ways signal_default 15 raise
}

@test "signals: SIGINT sent by a thread ends the process as natively" {
    same_three_ways signal_default 2 thread
}

@test "signals: SIGKILL sent by a thread ends the process as natively" {
    same_three_ways signal_default 9 thread
}

@test "signals: SIGQUIT by kill ends the process as natively" {
    same_three_ways signal_default 3 kill
}

@test "signals: SIGUSR1 to a blocked thread ends the process as natively" {
    same_three_ways signal_default 10 pthread_kill
}

@test "signals: a real-time signal ends the process as natively" {
    same_three_ways signal_default 40 kill
}

@test "signals: abort ends the process as natively" {
    same_three_ways signal_default 6 abort
}

@test "signals: a wild store ends the process as natively" {
    same_three_ways signal_default 11 fault
}

@test "signals: SIGSYS sent by the program itself ends the process as natively" {
    same_three_ways signal_default 31 raise
}

@test "signals: the masks of ppoll, pselect, epoll_pwait and epoll_pwait2 hold for the call only" {
    same_three_ways signal_poll_masks
}

@test "signals: timers that call a function in a thread or signal one thread" {
    same_three_ways timer_thread
}

@test "timers of one thread: deleted while they fire, their thread gone, none in the child of a fork" {
    same_three_ways timer_delete
}

@test "signals: at every moment, none is lost, an interrupted read goes on" {
    LIMIT=60 TRAPS_MAX=200000 same_three_ways signal_stress # every handler returns by a trap
}

@test "signals: what the first thread blocks goes to the thread in sigwait, or stays pending" {
    same_three_ways sigwait_thread
}

@test "signals: what somebody waits for in sigwait and does not block, or the first thread does not" {
    same_three_ways signal_wait_unblocked
}

@test "signals: they end what waits for a lock, a message, a semaphore or a FIFO, or have it made again" {
    same_three_ways offload_signal
}

@test "signals: their order, their senders, those of descriptors, pending ones over exec" {
    same_three_ways signal_queue
}

@test "signals of descriptors: for each kind, to a process, a group, one thread; with and without F_SETSIG" {
    same_three_ways sigio
}

@test "signals: alternate stacks, disarmed too; a handler that changes its context, forks, leaves from a nested one" {
    same_three_ways signal_stacks
}

@test "signals: one whose handler has no room for its frame is a SIGSEGV instead" {
    same_three_ways signal_no_room
}
