#!/usr/bin/env bats
# The programs of the README's "Linking the core": built with the commands that stand there, and run; what they print is
# what it says. (web_readme.bats has the server.)

load helpers

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    # A block is the file that was named last before it.
    awk '/^```c$/ { code = 1; next } /^```$/ { code = 0 } code { print >name; next }
         match($0, /`[a-z]+\.c`/) { name = substr($0, RSTART + 1, RLENGTH - 2) }' "$ROOT/README.md"
    ln -s "$ROOT/include" include
    ln -s "$BUILD" build
}

# build NAME N [NAME=VALUE...]: by the N-th command for it.
build() {
    local command
    command=$(grep "^    cc -o $1 " "$ROOT/README.md" | sed -n "${2}p" | sed 's/pkg-config/& --define-prefix/')
    shift 2
    env "$@" sh -c "$command" >log 2>&1 || fail "$command: $(cat log)" || return 1
    [ ! -s log ] || fail "$command says: $(cat log)"
}

# run_program NAME: its output is in out, what it wrote to stderr in err.
run_program() {
    natively "$LIMIT" "./$1" >out 2>err || fail "$1: $(status_name $?)"
}

# The rounds may come in any order on a busy machine; the README names the end. It takes as long as the longest of the
# three, not as their sum: by its own clock, in one run of 50.
hello() {
    local end ms
    # shellcheck disable=SC2016
    end=$(sed -n 's/^It ends with `\([^`]*\)`.*/\1/p' "$ROOT/README.md")
    for _ in $(seq 50); do
        run_program hello
        ms=$(sed -n '$s/.* \([0-9]*\) ms$/\1/p' out)
        [ "$(tail -n 1 out | sed "s/$ms ms/60 ms/")" = "$end" ] || fail "expected '$end', came $(cat out)" || return 1
        [ "$(sed '$d' out | sort)" = "$(printf 'greenlet %s: round %s\n' 1 1 1 2 2 1 2 2 3 1 3 2)" ] ||
            fail "expected two rounds of three greenlets, came $(cat out)" || return 1
        [ "$ms" -ge 60 ] || fail "expected 60 ms, came $ms" || return 1
        [ "$ms" -ge 120 ] || return 0
    done
    fail "expected the longest of the three, 60 ms, came their sum in 50 runs"
}

# Both naps park, in one kernel thread: the second begins when the first does. How long the program takes to start on a busy
# machine does not matter.
nap() {
    GREENPATCH_TRACE=on GREENPATCH_STATS=on run_program nap
    [ "$(cat out)" = "$(printf 'one\ntwo')" ] || fail "expected one and two, came $(cat out)" || return 1
    [ "$(grep -c 'trace: .*clock_nanosleep(.* = 0 <[0-9]*\.[^0]' err)" = 2 ] ||
        fail "expected two naps of 0.1 s that park, came $(cat err)" || return 1
    [ "$(stats_value kernel-threads-peak err)" = 1 ] || fail "$(cat err)"
}

# Into stage/; its lib is in $lib.
install_here() {
    lib=$PWD/stage/usr/local/lib
    timeout 120 make -s -C "$ROOT" install DESTDIR="$PWD/stage" 3>&- >log 2>&1 || fail "make install: $(tail log)"
    rm include build
}

@test "readme: every C program in it is built by a test" {
    [ "$(echo *.c)" = "hello.c nap.c server.c" ] || fail "came $(echo *.c)"
}

@test "readme: hello, from the source tree" {
    build hello 1
    hello
}

@test "readme: nap, from the source tree" {
    build nap 1
    nap
}

@test "readme: hello and nap, installed" {
    local lib
    install_here
    build hello 2 PKG_CONFIG_PATH="$lib/pkgconfig"
    LD_LIBRARY_PATH=$lib hello
    build nap 2 PKG_CONFIG_PATH="$lib/pkgconfig"
    nap
}
