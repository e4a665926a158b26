#!/usr/bin/env bats
# C++ programs: each natively, on traps only and patched.

load helpers

@test "C++: thread, condition_variable, shared_mutex, call_once, jthread, latch, barrier, semaphore" {
    same_three_ways cpp_threads
}

@test "C++: async, future, promise, atomic wait, exceptions within and across threads" {
    same_three_ways cpp_async
}

@test "C++: thread_local objects and the guard of a static one" {
    same_three_ways cpp_thread_local
}

@test "C++: an exception that leaves a thread aborts" {
    same_three_ways cpp_terminate
}
