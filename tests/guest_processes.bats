#!/usr/bin/env bats
# Processes: each guest natively, on traps only and patched.

load helpers

@test "fork: from any thread, the child makes threads of its own" {
    same_three_ways fork_threads
}

@test "fork: a signal for the child that comes at once is not lost, and the parent's are not the child's" {
    same_three_ways fork_signal
}

@test "fork: with a full table of descriptors" {
    GREENPATCH_QUIET=on same_three_ways fork_table_full
}

@test "processes: named by the id of one of their threads" {
    same_three_ways thread_named
}

@test "posix_spawn, vfork, system, popen: while other threads run, missing programs too" {
    same_three_ways spawn
}

@test "wait: waitpid, waitid, wait4, WNOHANG, ECHILD, stops and signals" {
    same_three_ways wait_calls
}

@test "exec: from a thread, keeps pid, environment and descriptors" {
    same_three_ways exec_from_thread
}

@test "processes: children that end just as somebody begins to wait" {
    LIMIT=60 same_three_ways wait_quick
}

@test "processes: descriptors of them are polled, waited for, signalled through" {
    same_three_ways pidfd
}

@test "processes: no_new_privs, namespaces, the parent's death, a subreaper, limits" {
    same_three_ways process_limits
}

@test "processes: setns, by a file and by a pidfd, alone and beside threads" {
    same_three_ways setns
}

@test "processes: a program that traces its own children by ptrace" {
    same_three_ways traces
}

@test "processes: exit, abort, faults and signals end them with the same status and core file; daemon, double fork" {
    same_three_ways process_ends
}

@test "processes: objects in shared memory with one that is not patched, owners that end" {
    same_three_ways share_unpatched
}

@test "posix_spawn: file actions, attributes, environments kept, changed and cleared" {
    same_three_ways spawn_actions
}

@test "seccomp: filters of the program's own make calls fail, end it, raise a signal" {
    same_three_ways seccomp
}

@test "clone: children that share descriptors or the directory with us, and unshare" {
    same_three_ways clone_shares
}

@test "clone: children on a stack of their own, with default actions, that take the descriptors for themselves" {
    same_three_ways clone_stack
}
