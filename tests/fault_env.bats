#!/usr/bin/env bats
# A GREENPATCH_ variable that is wrong or unknown: one line on standard error that names the variable, the value and
# what is accepted, status 126, and the program does not run.

load helpers

setup() {
    need_shim
    unset LD_PRELOAD "${!GREENPATCH_@}"
    cd "$BATS_TEST_TMPDIR" || return
}

# refused NAME VALUE EXPECTED: the program must not start, and the line must say what would have been accepted.
refused() {
    local status=0 line
    rm -f ran
    timeout 10 env "LD_PRELOAD=$LIBGREENPATCH" "$1=$2" touch ran >out 2>err </dev/null 3>&- || status=$?
    line=$(cat err)
    [ "$status" = 126 ] || fail "$1=$2: expected status 126, came $status: $line" || return 1
    [ ! -e ran ] || fail "$1=$2: the program ran" || return 1
    [ ! -s out ] || fail "$1=$2: expected nothing on stdout, came: $(cat out)" || return 1
    [ "$(wc -l <err)" = 1 ] || fail "$1=$2: expected one line, came: $line" || return 1
    [[ $line == "greenpatch: $1=$2: "* ]] || fail "$1=$2: expected the variable and its value in front, came: $line" || return 1
    [[ $line == *"$3"* ]] || fail "$1=$2: expected '$3' in the line, came: $line"
}

# accepted NAME VALUE: the program runs and nothing is said.
accepted() {
    local status=0
    rm -f ran
    timeout 10 env "LD_PRELOAD=$LIBGREENPATCH" "$1=$2" touch ran >out 2>err </dev/null 3>&- || status=$?
    [ "$status" = 0 ] && [ -e ran ] || fail "$1=$2: expected to run, came status $status: $(cat err)" || return 1
    ! grep -v '^greenpatch: stats: ' err || fail "$1=$2: expected nothing on stderr"
}

@test "GREENPATCH_STATS: off, on and a process id are accepted" {
    accepted GREENPATCH_STATS off
    accepted GREENPATCH_STATS on
    accepted GREENPATCH_STATS 1
    accepted GREENPATCH_STATS 4194304
}

@test "GREENPATCH_STATS: a wrong value is refused" {
    refused GREENPATCH_STATS yes "on"
    refused GREENPATCH_STATS -1 "on"
    refused GREENPATCH_STATS 12x "on"
    refused GREENPATCH_STATS 99999999999999999999 "on"
    refused GREENPATCH_STATS "" "on"
}

@test "GREENPATCH_REWRITE: on and off are accepted, anything else is refused" {
    accepted GREENPATCH_REWRITE on
    accepted GREENPATCH_REWRITE off
    refused GREENPATCH_REWRITE maybe "off"
    refused GREENPATCH_REWRITE 0 "off"
    refused GREENPATCH_REWRITE ON "off"
    refused GREENPATCH_REWRITE "" "off"
}

@test "GREENPATCH_SLICE: 1 to 1000 milliseconds and off are accepted" {
    accepted GREENPATCH_SLICE 1
    accepted GREENPATCH_SLICE 1000
    accepted GREENPATCH_SLICE off
}

@test "GREENPATCH_SLICE: a wrong value is refused" {
    refused GREENPATCH_SLICE abc "expected a number of milliseconds from 1 to 1000, or off"
    refused GREENPATCH_SLICE 0 "1000"
    refused GREENPATCH_SLICE 1001 "1000"
    refused GREENPATCH_SLICE -5 "1000"
    refused GREENPATCH_SLICE 10ms "1000"
    refused GREENPATCH_SLICE " 10" "1000"
    refused GREENPATCH_SLICE 4294967297 "1000"
    refused GREENPATCH_SLICE 18446744073709551617 "1000"
    refused GREENPATCH_SLICE "" "1000"
}

@test "GREENPATCH_PATCH: all, groups, and all but groups are accepted" {
    accepted GREENPATCH_PATCH all
    accepted GREENPATCH_PATCH all,-dns
    accepted GREENPATCH_PATCH socket,select,time,thread,io,process,signal,dns
}

@test "GREENPATCH_PATCH: a wrong list is refused" {
    refused GREENPATCH_PATCH nothing "socket"
    refused GREENPATCH_PATCH all,-nothing "socket"
    refused GREENPATCH_PATCH socket,,time "socket"
    refused GREENPATCH_PATCH "socket, time" "socket"
    refused GREENPATCH_PATCH socket, "socket"
    refused GREENPATCH_PATCH -time,all "socket"
    refused GREENPATCH_PATCH sock "socket"
    refused GREENPATCH_PATCH sockets "socket"
    refused GREENPATCH_PATCH "" "socket"
}

@test "GREENPATCH_FEATURES: features that are switched off are accepted" {
    accepted GREENPATCH_FEATURES -guard
    accepted GREENPATCH_FEATURES -nowait,-iouring
    accepted GREENPATCH_FEATURES -fsgsbase
    accepted GREENPATCH_FEATURES -guard,-nowait,-iouring,-fsgsbase
}

@test "GREENPATCH_FEATURES: a wrong list is refused" {
    refused GREENPATCH_FEATURES guard "-guard"
    refused GREENPATCH_FEATURES -nothing "-guard"
    refused GREENPATCH_FEATURES -guard, "-guard"
    refused GREENPATCH_FEATURES - "-guard"
}

@test "GREENPATCH_QUIT and GREENPATCH_DEADLOCK: their words are accepted, others are refused" {
    accepted GREENPATCH_QUIT native
    accepted GREENPATCH_QUIT list
    refused GREENPATCH_QUIT core "list"
    refused GREENPATCH_QUIT "" "list"
    accepted GREENPATCH_DEADLOCK report
    accepted GREENPATCH_DEADLOCK abort
    refused GREENPATCH_DEADLOCK exit "abort"
    refused GREENPATCH_DEADLOCK "" "abort"
}

@test "GREENPATCH_HELP: an unknown topic is refused" {
    refused GREENPATCH_HELP me "options"
    refused GREENPATCH_HELP "" "options"
}

@test "an unknown GREENPATCH_ name is refused and the known ones are listed" {
    refused GREENPATCH_SPEED fast "GREENPATCH_SLICE"
    refused GREENPATCH_ x "GREENPATCH_SLICE"
    refused GREENPATCH_slice 10 "GREENPATCH_SLICE"
    refused GREENPATCH_SLICES 10 "GREENPATCH_SLICE"
    refused GREENPATCH_SLIC 10 "GREENPATCH_SLICE"
}

@test "a name that only resembles the prefix is none of our business" {
    accepted GREENPATCH x
    accepted GREENPATCHED x
    accepted MY_GREENPATCH_SLICE abc
}

@test "a very long value is refused in one line" {
    local status=0
    timeout 10 env "LD_PRELOAD=$LIBGREENPATCH" "GREENPATCH_SLICE=$(printf '%0100000d' 1)" touch ran 2>err || status=$?
    [ "$status" = 126 ]
    [ ! -e ran ]
    [ "$(wc -l <err)" = 1 ]
    grep -q '^greenpatch: GREENPATCH_SLICE=0' err
}

@test "the first of two wrong variables is enough for one line" {
    local status=0
    timeout 10 env "LD_PRELOAD=$LIBGREENPATCH" GREENPATCH_SLICE=abc GREENPATCH_REWRITE=maybe touch ran 2>err || status=$?
    [ "$status" = 126 ]
    [ ! -e ran ]
    [ "$(wc -l <err)" = 1 ]
}

@test "a program that is exec'd with a wrong variable ends with 126 as well" {
    local status=0
    timeout 10 env "LD_PRELOAD=$LIBGREENPATCH" sh -c 'GREENPATCH_SLICE=abc exec touch ran' 2>err || status=$?
    [ "$status" = 126 ]
    [ ! -e ran ]
}

@test "an empty environment apart from the library runs the program" {
    env -i "LD_PRELOAD=$LIBGREENPATCH" timeout 10 /bin/true >out 2>err
    [ ! -s err ] || fail "$(cat err)"
}

@test "GREENPATCH_TRACE, GREENPATCH_QUIET and GREENPATCH_PS: their words are accepted, others are refused" {
    accepted GREENPATCH_TRACE off
    accepted GREENPATCH_TRACE 4194304
    refused GREENPATCH_TRACE all "on, off, or a process id"
    refused GREENPATCH_TRACE "" "on, off, or a process id"
    accepted GREENPATCH_QUIET on
    accepted GREENPATCH_QUIET off
    refused GREENPATCH_QUIET 1 "on or off"
    accepted GREENPATCH_PS off
    refused GREENPATCH_PS 0 "a process id"
    refused GREENPATCH_PS self "a process id"
}

@test "a value that would make two lines is shown on one" {
    local status=0
    timeout 10 env "LD_PRELOAD=$LIBGREENPATCH" GREENPATCH_SLICE=$'1\n2\e[1m' touch ran 2>err || status=$?
    [ "$status" = 126 ]
    [ "$(cat err)" = "greenpatch: GREENPATCH_SLICE=1?2?[1m: expected a number of milliseconds from 1 to 1000, or off" ] || fail "$(cat err)"
}

@test "a kernel without Syscall User Dispatch is one line that says what is needed, and the program does not run" {
    local status=0
    timeout 10 env "SHIM=$LIBGREENPATCH" /usr/bin/python3 "$ROOT/tests/python/without_dispatch.py" touch ran >out 2>err || status=$?
    ! grep -q '^seccomp:' err || skip "no seccomp filters here: $(cat err)"
    [ "$status" = 126 ] || fail "status $status: $(cat err)"
    [ ! -e ran ]
    [ "$(wc -l <err)" = 1 ]
    grep -q '^greenpatch: Syscall User Dispatch: .*Linux 5.11 or later' err || fail "$(cat err)"
}

@test "a program that Go's compiler made is refused: its stacks are too small" {
    gcc -o "$BATS_TEST_TMPDIR/go" -x c - <<'END'
__asm__(".section .note.go.buildid, \"a\", @note; .balign 4; .long 4, 3, 4; .asciz \"Go\"; .balign 4; .asciz \"id\"; .balign 4; .previous");
int main(void) { return 0; }
END
    "$BATS_TEST_TMPDIR/go"
    run env LD_PRELOAD="$LIBGREENPATCH" "$BATS_TEST_TMPDIR/go"
    echo "status $status: $output"
    ((status == 126))
    [[ $output == *"made by Go: its stacks are too small"* ]]
}
