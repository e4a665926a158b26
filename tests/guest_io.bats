#!/usr/bin/env bats
# Pipes, eventfd, timerfd, files and descriptors: each guest natively, on traps only and patched.

load helpers

@test "splice: what is wrong is said at once, what is right waits" {
    same_three_ways splice_errors
}

@test "pipe: blocking writes of 16 MiB in all from several threads arrive complete" {
    same_three_ways pipe_big
}

@test "pipe: the program's own O_NONBLOCK is respected and reported" {
    same_three_ways pipe_nonblock
}

@test "pipe: end of file, EPIPE, SIGPIPE, wrong calls" {
    same_three_ways pipe_errors
}

@test "pipe: many threads blocked on one, each byte wakes one" {
    same_three_ways many_waiters
}

@test "readv and writev: larger than the buffers, complete and in order" {
    same_three_ways vectors
}

@test "eventfd: blocks for reading and for writing, semaphore mode" {
    same_three_ways eventfd
}

@test "timerfd: blocks until it expires and counts" {
    same_three_ways timerfd
}

@test "files: pread, pwrite, append, locks and mappings from many threads" {
    same_three_ways file_io
}

@test "select and poll without time: what is not ready is never said to be" {
    same_three_ways select_nothing
}

@test "non-blocking and ready: never said not to be" {
    same_three_ways nonblock_ready
}

@test "/dev/zero, /dev/urandom, getrandom and memory files beside a busy thread: whole, no EINTR" {
    same_three_ways cut_short
}

@test "FIFO: open blocks until the other side opens; a terminal's reader blocks for a line" {
    same_three_ways fifo_tty
}

@test "FIFO: many threads blocked in open, on their own and on one, with signals and names that go" {
    THREADS_MAX=12 same_three_ways fifo_open
}

@test "descriptors: the lowest free number each time, a daemon's close-everything loop, listings" {
    same_three_ways descriptors
}

@test "descriptors: close, dup2, dup3 and close_range under a blocked thread, for each kind and call" {
    same_three_ways close_blocked
}

@test "descriptors: the table is full, the highest numbers, counts beyond it" {
    GREENPATCH_QUIET=on same_three_ways descriptor_limits
}

@test "descriptors: 70,000, or as many as there can be" {
    GREENPATCH_QUIET=on same_three_ways descriptors_many
}

@test "descriptors: a number that is closed and reused loses no wake-up" {
    same_three_ways reuse_number
}

@test "asynchronous I/O of libc completes by waiting, by a callback and by a signal; lists, cancelling" {
    same_three_ways aio
}

@test "asynchronous I/O of the kernel: waiting with and without a limit, an eventfd, poll" {
    same_three_ways aio_kernel
}

@test "io_uring: waiting for one, for several, with a time limit and a signal" {
    same_three_ways io_uring
}

@test "inotify: a blocked reader is told what happens in a directory" {
    same_three_ways inotify
}

@test "leases: the open of another thread or process waits until the owner gives it up" {
    same_three_ways leases
}

@test "locks of files: fcntl's are the process's, F_OFD and flock the description's; who waits for whom" {
    same_three_ways record_locks
}

@test "message queues: blocked senders and receivers, priorities, notification by a signal and by a thread" {
    same_three_ways mqueue
}

@test "System V messages and semaphores: several at once, limits, undo, removal under a waiter" {
    same_three_ways sysv_ipc
}

@test "process_vm_readv and writev: a child's memory, one's own, its edges" {
    same_three_ways process_vm
}

@test "blocking flock: another thread releases the one that is blocked in it" {
    same_three_ways offload flock
}

@test "blocking lock: another thread releases the one that is blocked in it" {
    same_three_ways offload lock
}

@test "blocking msgrcv: another thread releases the one that is blocked in it" {
    same_three_ways offload msgrcv
}

@test "blocking semop: another thread releases the one that is blocked in it" {
    same_three_ways offload semop
}

@test "blocking splice: another thread releases the one that is blocked in it" {
    same_three_ways offload splice
}

@test "blocking sendfile: another thread releases the one that is blocked in it" {
    same_three_ways offload sendfile
}

@test "blocked in locks, semaphores and messages: many threads at once, each lets the next one in" {
    THREADS_MAX=12 same_three_ways blocked_crowd
}
