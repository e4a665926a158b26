#!/usr/bin/env bats
# Threads, synchronisation, cancellation, stacks: each guest natively, on traps only and patched.

load helpers

@test "threads: create, join, detach, their values and errors" {
    same_three_ways thread_join
}

@test "threads: thousands one after the other, hundreds at once" {
    same_three_ways thread_many
}

@test "threads: ids agree for gettid, tgkill and names" {
    same_three_ways thread_ids
}

@test "threads: the first thread ends by pthread_exit, the others go on" {
    same_three_ways main_pthread_exit
}

@test "threads: exit() in a thread ends the process with its status" {
    same_three_ways exit_from_thread
}

@test "threads: smallest, large, deep and the program's own stacks" {
    same_three_ways thread_stacks
}

@test "threads: a stack that overruns dies of SIGSEGV, and its thread is named" {
    SAYS='greenlet #7 deep: its stack is used up' same_three_ways stack_overflow
}

@test "threads: the first one's stack overruns, and it is named" {
    SAYS='greenlet #1 main: its stack is used up' same_three_ways stack_overflow first
}

@test "threads: a stack overruns whose handler would need it too" {
    SAYS='greenlet #7 deep: its stack is used up' same_three_ways stack_overflow same
}

@test "threads: a stack that overruns is handled on an alternate one" {
    same_three_ways stack_overflow alternate
}

@test "threads: errno belongs to each" {
    same_three_ways errno_kept
}

@test "threads: __thread variables belong to each, on fresh and on reused stacks" {
    same_three_ways tls_thread
}

@test "threads: thread-specific data and its destructors" {
    same_three_ways tls_keys
}

@test "threads: vector registers, rounding modes and x87 state survive parks and preemptions" {
    same_three_ways float_state
}

@test "the exceptions of floating point stay with their thread while it waits" {
    same_three_ways float_flags
}

@test "new threads and signal handlers begin with floating point at rest" {
    same_three_ways float_start
}

@test "mutex: normal, recursive, error-checking, robust, time limits" {
    same_three_ways mutex_types
}

@test "mutex: a robust one is inherited by a blocked waiter" {
    same_three_ways robust_waiter
}

@test "robust mutexes: of all threads of a process that sends itself SIGKILL" {
    same_three_ways robust_killed
}

@test "mutex: with priority inheritance, also robust and with a condition variable" {
    same_three_ways mutex_pi
}

@test "condition variable: a bounded queue loses and doubles nothing" {
    same_three_ways condvar_queue
}

@test "condition variable: time limits on both clocks, broadcast" {
    same_three_ways condvar_timed
}

@test "read-write lock: readers together, writers alone, time limits" {
    same_three_ways rwlock
}

@test "threads of C11, and read-write locks that prefer one side" {
    same_three_ways c11_threads
}

@test "barrier, semaphore, spinlock and once among many threads" {
    same_three_ways barrier_sem_spin_once
}

@test "cancellation: deferred, disabled, cleanup handlers" {
    same_three_ways cancel_deferred
}

@test "cancellation: of a thread that is blocked in a call" {
    same_three_ways cancel_parked
}

@test "cancellation: in each blocking call, and before it, deferred and asynchronous" {
    same_three_ways cancel_calls
}

@test "cancellation: asynchronous, of a thread that computes" {
    same_three_ways cancel_async
}

@test "preemption: threads that spin on a flag see it set" {
    same_three_ways spin_flag
}

@test "stdio: lines of many threads are neither torn nor lost" {
    same_three_ways stdio_threads
}

@test "malloc: many threads, blocks that one makes and another frees" {
    same_three_ways malloc_threads
}

@test "dlopen: from many threads at once" {
    same_three_ways dlopen_threads
}

@test "getaddrinfo: from many threads" {
    same_three_ways getaddrinfo
}

@test "system calls made by syscall(2) and by the program's own instruction keep every register" {
    same_three_ways syscall_direct
}

@test "threads: setuid and its relatives reach every thread, blocked or not" {
    same_three_ways thread_setuid
}

@test "threads: giving up root reaches all of them, those blocked in calls too, before the call returns" {
    THREADS_MAX=8 same_three_ways credentials # one helper for each flock that waits
}

@test "threads: names of others, affinity, scheduling, priority, processor clocks" {
    same_three_ways thread_kernel_state
}

@test "threads: affinity, policy, priority, nice value of each, set and inherited and refused" {
    same_three_ways thread_schedule
}

@test "threads: processor time of each" {
    same_three_ways thread_cputime
}

@test "threads: attributes of running ones, timers on their processor time, destructors at every end" {
    same_three_ways thread_attributes
}

@test "the vDSO called by itself: clocks that it knows, clocks that need a system call, wrong ones" {
    same_three_ways vdso
}

@test "code that the program writes: writable, one after the other, two mappings, at addresses of its choice" {
    same_three_ways text_written
}

@test "memory: limits of space and stacks, all locked, a mapping that grows, huge stacks" {
    same_three_ways memory_limits
}

@test "memory: more stacks one after the other than can be at once, each a mapping of its own" {
    same_three_ways stacks_mapped
}

@test "code that is mapped, called, moved, changed, replaced and unmapped, ten thousand times without growth" {
    same_three_ways text_moves
}
