#!/usr/bin/env bats
# shellcheck disable=SC2016,SC1003,SC2030,SC2031 # what is in single quotes is for the program that the launcher runs
# scripts/greenpatch: what it hands to the program, and what it refuses to run.
#
# Most tests use a copy of the launcher beside a stand-in for the library, so that they test the launcher alone and can
# take the library away. The tests at the end use the real library.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    local source
    # Not below bats' own folder: one test runs the launcher as another user, who may not enter that.
    TREE=$(mktemp -d)
    chmod 755 "$TREE"
    export TREE
    mkdir "$TREE/scripts" "$TREE/build" "$TREE/bin"
    cp "$ROOT/scripts/greenpatch" "$TREE/scripts/"
    source=$TREE/source.c
    cat >"$source" <<'END'
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void answer(void) {
    const char *what = getenv("GREENPATCH_HELP");
    if (what) { printf("stand-in %s\n", what); exit(0); }
}
END
    gcc -shared -fPIC -o "$TREE/build/libgreenpatch.so" "$source"
    gcc -shared -fPIC -o "$TREE/build/libother.so" "$source"
    cat >"$source" <<'END'
#include <stdio.h>
int main(int argc, char **argv) { for (int i = 0; i < argc; i++) printf("[%s]\n", argv[i]); return 0; }
END
    gcc -o "$TREE/bin/arguments" "$source"
    gcc -static -o "$TREE/bin/static" "$source"
    gcc -static-pie -fPIE -o "$TREE/bin/static-pie" "$source"
}

teardown_file() {
    rm -rf "$TREE"
}

setup() {
    unset LD_PRELOAD "${!GREENPATCH_@}"
    launcher=$TREE/scripts/greenpatch
    cd "$BATS_TEST_TMPDIR" || return
}

# script NAME FIRST-LINE: an executable script in the current folder.
script() {
    printf '%s\nexit 0\n' "$2" >"$1"
    chmod +x "$1"
}

# refuses STATUS TEXT COMMAND...: the command ends with that status and says that on one line of standard error only.
refuses() {
    local expected=$1 text=$2
    shift 2
    status=0
    "$@" >out 2>err || status=$?
    [ "$status" = "$expected" ] || fail "expected status $expected, came $status: $(cat err)" || return 1
    [ ! -s out ] || fail "expected nothing on stdout, came: $(cat out)" || return 1
    [ "$(wc -l <err)" = 1 ] || fail "expected one line, came: $(cat err)" || return 1
    grep -qF -- "$text" err || fail "expected '$text', came: $(cat err)" || return 1
    grep -q '^greenpatch: ' err || fail "expected the name in front, came: $(cat err)"
}

@test "the program gets the library in LD_PRELOAD by its absolute path" {
    cd "$TREE"
    run ./scripts/greenpatch sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$TREE/build/libgreenpatch.so" ]
}

@test "the caller's own LD_PRELOAD stays, in front" {
    LD_PRELOAD=$TREE/build/libother.so run "$launcher" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$TREE/build/libother.so:$TREE/build/libgreenpatch.so" ]
}

@test "a launcher within a launcher adds the library once" {
    run "$launcher" "$launcher" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$TREE/build/libgreenpatch.so" ]
}

@test "without options no GREENPATCH_ variable is set, and the caller's stay" {
    GREENPATCH_SLICE=7 run "$launcher" sh -c 'env | grep ^GREENPATCH_'
    [ "$output" = "GREENPATCH_SLICE=7" ]
}

@test "--stats asks for the statistics of the program's own process" {
    run "$launcher" --stats sh -c 'echo "$GREENPATCH_STATS $$"'
    [ "${output% *}" = "${output#* }" ]
}

@test "--patch=LIST becomes GREENPATCH_PATCH" {
    run "$launcher" --patch=all,-time sh -c 'echo "$GREENPATCH_PATCH"'
    [ "$output" = all,-time ]
}

@test "the program's own options are left alone" {
    run "$launcher" "$TREE/bin/arguments" --stats --help --
    [ "$output" = "$(printf '[%s]\n' "$TREE/bin/arguments" --stats --help --)" ]
}

@test "-- ends the options" {
    cp "$TREE/bin/arguments" ./--odd
    PATH=$PWD:$PATH run "$launcher" --stats -- --odd one
    [ "$output" = "$(printf '[--odd]\n[one]')" ]
}

@test "arguments with spaces, empty ones and patterns arrive unchanged" {
    touch file
    run "$launcher" "$TREE/bin/arguments" 'a  b' '' '*' $'new\nline' '$HOME' '\'
    [ "$output" = "$(printf '[%s]\n' "$TREE/bin/arguments" 'a  b' '' '*' $'new\nline' '$HOME' '\')" ]
}

@test "argv[0] is what the caller wrote" {
    PATH=$TREE/bin:$PATH run "$launcher" arguments
    [ "$output" = "[arguments]" ]
}

@test "the exit status is the program's" {
    local expected
    for expected in 0 1 3 126 127 255; do
        run -$expected "$launcher" sh -c "exit $expected"
    done
}

@test "a signal that ends the program ends the launcher's process" {
    local signal code
    for signal in TERM KILL SEGV; do
        code='import signal, subprocess, sys; print(subprocess.call(sys.argv[1:], stderr=subprocess.DEVNULL))'
        run python3 -c "$code" "$launcher" sh -c "ulimit -c 0; kill -$signal \$\$"
        [ "$output" = "-$(kill -l "$signal")" ] || fail "SIG$signal: came $output"
    done
}

@test "the program keeps the launcher's process id" {
    "$launcher" sh -c 'echo $$' >pid 3>&- &
    wait $!
    [ "$(cat pid)" = $! ]
}

@test "standard input, output and error are passed through byte by byte" {
    head -c 100000 /dev/urandom >input
    "$launcher" sh -c 'cat; echo problem >&2' <input >copy 2>err
    cmp input copy
    [ "$(cat err)" = problem ]
}

@test "no descriptor of the launcher is left open" {
    ls /proc/self/fd >native 3>&-
    "$launcher" ls /proc/self/fd >launched 3>&-
    diff native launched
}

@test "a symbolic link to the launcher finds the library" {
    ln -s "$launcher" gp
    run ./gp sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$TREE/build/libgreenpatch.so" ]
}

@test "installed: the library is found in lib/greenpatch beside bin" {
    mkdir -p usr/bin usr/lib/greenpatch
    cp "$launcher" usr/bin/
    cp "$TREE/build/libgreenpatch.so" usr/lib/greenpatch/
    PATH=$PWD/usr/bin:$PATH run greenpatch sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$PWD/usr/lib/greenpatch/libgreenpatch.so" ]
}

@test "installed: the folder that make install wrote into the launcher comes first" {
    mkdir -p usr/bin lib64
    sed "s|^LIBDIR=\$|LIBDIR=$PWD/lib64|" "$launcher" >usr/bin/greenpatch
    chmod +x usr/bin/greenpatch
    cp "$TREE/build/libgreenpatch.so" lib64/
    run usr/bin/greenpatch sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$PWD/lib64/libgreenpatch.so" ]
}

@test "a missing library is a clear sentence and 126" {
    mkdir -p elsewhere/bin
    cp "$launcher" elsewhere/bin/
    refuses 126 "libgreenpatch.so is missing" elsewhere/bin/greenpatch true
    refuses 126 "libgreenpatch.so is missing" elsewhere/bin/greenpatch --version
}

@test "a library whose path LD_PRELOAD cannot hold is a clear sentence and 126" {
    mkdir -p "two words/bin" "two words/build"
    cp "$launcher" "two words/bin/"
    cp "$TREE/build/libgreenpatch.so" "two words/build/"
    refuses 126 "space or a colon" "two words/bin/greenpatch" true
}

@test "--help prints the usage and then the library's own option table" {
    run "$launcher" --help
    [ "$status" = 0 ]
    [ "${lines[0]}" = "usage: greenpatch [options] [--] program [argument ...]" ]
    [ "${lines[-1]}" = "stand-in options" ]
}

@test "--version prints the library's version" {
    run "$launcher" --version
    [ "$status" = 0 ]
    [ "$output" = "stand-in version" ]
}

@test "an unknown option is named, with what is accepted" {
    refuses 126 "unknown option --fast: expected --patch=LIST, --stats, --trace, --follow, --nofile=N, --quiet, --check, --help, --version or --" "$launcher" --fast true
    refuses 126 "unknown option -s: expected" "$launcher" -s true
    refuses 126 "--patch needs a list of groups" "$launcher" --patch true
    refuses 126 "--patch needs a list of groups" "$launcher" --patch= true
}

@test "no program is the usage on standard error and 126" {
    "$launcher" --stats >out 2>err || status=$?
    [ "$status" = 126 ]
    [ ! -s out ]
    [ "$(head -n 1 err)" = "usage: greenpatch [options] [--] program [argument ...]" ]
}

@test "a program that does not exist is 127" {
    refuses 127 "greenpatch: no-such-program: not found" "$launcher" no-such-program
    refuses 127 "greenpatch: ./no-such-program: not found" "$launcher" ./no-such-program
    refuses 127 "not found" "$launcher" ""
    refuses 127 "greenpatch: true: not found" env PATH=/nowhere "$launcher" true
}

@test "a file that cannot be executed is 126" {
    echo text >plain
    refuses 126 "greenpatch: ./plain: is not executable" "$launcher" ./plain
    refuses 126 "greenpatch: /tmp: is a directory" "$launcher" /tmp
    PATH=$PWD:$PATH refuses 126 "greenpatch: plain: is not executable" "$launcher" plain
}

@test "the launcher's own tools are found whatever PATH the program gets" {
    run env "PATH=$TREE/bin" "$launcher" arguments
    [ "$output" = "[arguments]" ]
    run env PATH=/nowhere "$launcher" /bin/sh -c 'echo "$PATH"'
    [ "$output" = /nowhere ]
}

@test "a file later in PATH that can be executed is found, as the shell does" {
    mkdir first
    echo text >first/true
    PATH=$PWD/first:$PATH run "$launcher" true
    [ "$status" = 0 ]
}

@test "a static program is refused" {
    refuses 126 "$TREE/bin/static is a static program" "$launcher" "$TREE/bin/static"
    refuses 126 "$TREE/bin/static-pie is a static program" "$launcher" "$TREE/bin/static-pie"
    PATH=$TREE/bin:$PATH refuses 126 "greenpatch: static is a static program" "$launcher" static
}

@test "the loader itself is no target" {
    refuses 126 "or the loader itself" "$launcher" /lib64/ld-linux-x86-64.so.2 /bin/true
}

@test "program headers that do not follow the ELF header are found" {
    # What patchelf does: the table is moved to the end of the file.
    python3 - "$TREE/bin/arguments" "$TREE/bin/static" <<'END'
import os, struct, sys
for path in sys.argv[1:]:
    data = bytearray(open(path, "rb").read())
    offset, = struct.unpack_from("<Q", data, 32)
    count, = struct.unpack_from("<H", data, 56)
    data += b"\0" * (-len(data) % 8)
    struct.pack_into("<Q", data, 32, len(data))
    data += data[offset:offset + 56 * count]
    name = "moved-" + os.path.basename(path)
    open(name, "wb").write(data)
    os.chmod(name, 0o755)
END
    # Such a file needs more than that to run, but what becomes of it is the kernel's and the loader's to say.
    ./moved-arguments 2>/dev/null 3>&- || native=$?
    run -"${native:-0}" "$launcher" ./moved-arguments
    refuses 126 "./moved-static is a static program" "$launcher" ./moved-static
}

@test "a program for another machine or word size is refused" {
    python3 - "$TREE/bin/arguments" <<'END'
import os, sys
data = bytearray(open(sys.argv[1], "rb").read())
for name, offset, value in ("arm64", 18, 183), ("x32", 4, 1), ("big-endian", 5, 2):
    changed = data[:]
    changed[offset] = value
    open(name, "wb").write(changed)
    os.chmod(name, 0o755)
END
    refuses 126 "./arm64 is not a program for x86-64" "$launcher" ./arm64
    refuses 126 "./x32 is not a program for x86-64" "$launcher" ./x32
    refuses 126 "./big-endian is not a program for x86-64" "$launcher" ./big-endian
}

@test "a program that is started by another C library's loader is refused" {
    sed 's|/lib64/ld-linux-x86-64.so.2|/lib/ld-musl-x86_64.so.1\x00\x00\x00|' "$TREE/bin/arguments" >musl
    python3 - musl <<'END'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
for header in range(64, 64 + 56 * data[56], 56):
    if data[header] == 3:
        struct.pack_into("<Q", data, header + 32, len("/lib/ld-musl-x86_64.so.1") + 1)
open(sys.argv[1], "wb").write(data)
END
    chmod +x musl
    refuses 126 "./musl is started by /lib/ld-musl-x86_64.so.1" "$launcher" ./musl
}

@test "a setuid or setgid program of another user is refused" {
    [ "$(id -u)" = 0 ] || skip "needs root to make one"
    cp "$TREE/bin/arguments" suid
    cp "$TREE/bin/arguments" sgid
    chown nobody:nogroup suid sgid
    chmod u+s suid
    chmod g+s sgid
    refuses 126 "./suid is a setuid program" "$launcher" ./suid
    refuses 126 "./sgid is a setgid program" "$launcher" ./sgid
}

@test "a program with file capabilities is refused to a user who would gain them" {
    [ "$(id -u)" = 0 ] || skip "needs root to make one"
    command -v setcap >/dev/null || skip "needs setcap"
    cp "$TREE/bin/arguments" "$TREE/bin/capable"
    setcap cap_net_raw+ep "$TREE/bin/capable" || skip "the file system holds no capabilities"
    refuses 126 "$TREE/bin/capable has file capabilities" \
        setpriv --reuid nobody --regid nogroup --clear-groups "$launcher" "$TREE/bin/capable"
    run "$launcher" "$TREE/bin/capable"
    [ "$status" = 0 ]
}

@test "a script runs when its interpreter can be patched" {
    local line
    for line in '#!/bin/sh' '#! /bin/sh -e' '#!/usr/bin/env sh' '#!/usr/bin/env -S sh -e' '#!/usr/bin/env -Ssh -e' \
        '#!/usr/bin/env -S -u HOME A=1 sh'; do
        script sample "$line"
        run "$launcher" ./sample
        [ "$status" = 0 ] || fail "$line: $output"
    done
}

@test "a script whose interpreter is static is refused" {
    local line
    for line in "#!$TREE/bin/static" "#! $TREE/bin/static -x" "#!/usr/bin/env static" "#!/usr/bin/env -S A=1 static -x"; do
        script sample "$line"
        PATH=$TREE/bin:$PATH refuses 126 "of ./sample is a static program" "$launcher" ./sample
    done
}

@test "a script whose interpreter is missing is 127 and names it" {
    script sample '#!/no/such/shell'
    refuses 127 "the interpreter /no/such/shell of ./sample: not found" "$launcher" ./sample
    script sample '#!/usr/bin/env no-such-shell'
    refuses 127 "the interpreter no-such-shell of ./sample: not found" "$launcher" ./sample
}

@test "a script interpreted by a script is looked through, a circle is refused" {
    script inner "#!$TREE/bin/static"
    script outer "#!$PWD/inner"
    refuses 126 "is a static program" "$launcher" ./outer
    script circle "#!$PWD/circle"
    refuses 126 "too many scripts" "$launcher" ./circle
}

@test "a script without a first line runs in the shell, as execvp does it" {
    echo 'echo "ran $1"' >bare
    chmod +x bare
    run "$launcher" ./bare now
    [ "$output" = "ran now" ]
}

@test "the launcher is clean for shellcheck" {
    command -v shellcheck >/dev/null || skip "needs shellcheck"
    shellcheck "$ROOT/scripts/greenpatch"
}

# From here on: the real library.

real() {
    need_shim
    launcher=$ROOT/scripts/greenpatch
}

@test "real library: --version prints one line with the name and a version" {
    real
    run timeout 10 "$launcher" --version
    [ "$status" = 0 ]
    [[ $output =~ ^greenpatch\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "real library: --help lists every variable" {
    local name
    real
    run timeout 10 "$launcher" --help
    [ "$status" = 0 ]
    for name in STATS TRACE QUIET REWRITE SLICE PATCH FEATURES QUIT DEADLOCK PS; do
        [[ $output == *GREENPATCH_$name* ]] || fail "GREENPATCH_$name is not in: $output"
    done
}

@test "real library: exit status, arguments and streams are the program's" {
    real
    run timeout 10 "$launcher" "$TREE/bin/arguments" 'a b' ''
    [ "$output" = "$(printf '[%s]\n' "$TREE/bin/arguments" 'a b' '')" ]
    run timeout 10 "$launcher" sh -c 'exit 3'
    [ "$status" = 3 ]
    [ "$(echo data | timeout 10 "$launcher" cat)" = data ]
}

@test "real library: a signal ends the program as natively" {
    real
    run timeout 10 "$launcher" sh -c 'kill -TERM $$'
    [ "$status" = 143 ]
}

@test "real library: --stats prints the statistics of the program, not of its children" {
    real
    timeout 10 "$launcher" --stats sh -c '/bin/true; /bin/true; exit 0' >out 2>err
    [ "$(grep -c '^greenpatch: stats: pid ' err)" = 1 ] || fail "$(cat err)"
    grep -q '^greenpatch: stats: greenlets-made ' err
}

@test "real library: what make install lays down works, from a staging folder too" {
    real
    timeout 60 make -s -C "$ROOT" install PREFIX=/opt/gp DESTDIR="$PWD/stage"
    run timeout 10 "$PWD/stage/opt/gp/bin/greenpatch" sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$PWD/stage/opt/gp/lib/greenpatch/libgreenpatch.so" ]
}

# patched COMMAND...: /bin/true, started so, is patched.
patched() {
    timeout 10 env GREENPATCH_STATS=on "$@" /bin/true >out 2>err || fail "$*: status $?: $(cat err)" || return 1
    grep -q '^greenpatch: stats: traps [1-9]' err || fail "not patched by $*: $(cat err)"
}

@test "real library: preloaded under another name, by a link, from a folder of the loader's, it patches all the same" {
    real
    cp "$LIBGREENPATCH" other.so
    ln -s "$LIBGREENPATCH" link.so
    patched LD_PRELOAD="$PWD/other.so"
    patched LD_PRELOAD="$PWD/link.so"
    patched LD_PRELOAD=./other.so
    patched LD_PRELOAD=other.so LD_LIBRARY_PATH="$PWD"
    patched LD_PRELOAD="$TREE/build/libother.so $PWD/other.so"
    patched /lib64/ld-linux-x86-64.so.2 --preload "$PWD/other.so"
}

@test "real library: linked or opened it patches nothing by itself, whatever else is preloaded" {
    real
    export GREENPATCH_STATS=on
    run timeout 10 env LD_PRELOAD="$TREE/build/libother.so" "$BUILD/app/patch_api" no_such_case
    [ "$status" = 2 ] && [ "$output" = "usage: patch_api CASE" ] || fail "linked: came status $status: $output"
    cp "$LIBGREENPATCH" other.so
    run timeout 10 /usr/bin/python3 -c 'import ctypes; ctypes.CDLL("./other.so"); print("opened")'
    [ "$status" = 0 ] && [ "$output" = opened ] || fail "opened: came status $status: $output"
}

@test "real library: --patch with an unknown group is 126 and the program does not run" {
    real
    refuses 126 "GREENPATCH_PATCH=nothing" timeout 10 "$launcher" --patch=nothing echo ran
}

# checks STATUS PATTERN... PROGRAM: what --check says of the program, and that it runs nothing.
checks() {
    local expected=$1 program=${!#} line
    run "$launcher" --check "$program"
    [ "$status" = "$expected" ] || fail "$program: expected status $expected, came $status: $output" || return 1
    for line in "${@:2:$#-2}"; do
        grep -qE "^$line\$" <<<"$output" || fail "$program: expected '$line' in: $output" || return 1
    done
}

@test "--check says what can be patched, and why" {
    real
    checks 0 'program +.*/bin/arguments' 'linked +dynamically' 'libc +glibc .*ld-linux-x86-64.so.2' 'setuid +no' 'setgid +no' \
        'capabilities +none' 'can be patched' "$TREE/bin/arguments"
    script sample '#!/usr/bin/env sh'
    checks 0 'script +./sample' 'program +/.*/env' 'program +/.*/sh' 'can be patched' ./sample
}

@test "--check says what cannot be patched, and why" {
    real
    checks 1 '.* is a static program .*' 'cannot be patched' "$TREE/bin/static"
    checks 1 'no-such-program: not found' 'cannot be patched' no-such-program
    script sample "#!$TREE/bin/static"
    checks 1 'script +./sample' 'the interpreter .* is a static program .*' 'cannot be patched' ./sample
    if [ "$(id -u)" = 0 ]; then
        cp "$TREE/bin/arguments" suid
        cp suid sgid
        chown nobody:nogroup suid sgid
        chmod u+s suid
        chmod g+s sgid
        checks 1 'setuid +yes' './suid is a setuid program.*' 'cannot be patched' ./suid
        checks 1 'setgid +yes' './sgid is a setgid program.*' 'cannot be patched' ./sgid
    fi
}

@test "--check tells of file capabilities: they matter to those who would gain them" {
    real
    [ "$(id -u)" = 0 ] || skip "needs root to make one"
    cp "$TREE/bin/arguments" "$TREE/bin/capable"
    setcap cap_net_raw+ep "$TREE/bin/capable" || skip "the file system holds no capabilities"
    checks 0 'capabilities +yes, root has them already' 'can be patched' "$TREE/bin/capable"
    run setpriv --reuid nobody --regid nogroup --clear-groups "$launcher" --check "$TREE/bin/capable"
    [ "$status" = 1 ] && grep -q 'has file capabilities' <<<"$output" || fail "came status $status: $output"
}

@test "--nofile raises the limit, and says what the hard limit is where it cannot" {
    real
    run timeout 10 "$launcher" --nofile=200 sh -c 'ulimit -S -n'
    [ "$output" = 200 ]
    refuses 126 "--nofile=many: expected a number of open files" "$launcher" --nofile=many true
    refuses 126 "--nofile=: expected a number of open files" "$launcher" --nofile= true
    refuses 126 "--nofile needs a number" "$launcher" --nofile 5 true
    refuses 126 "--nofile=999999999: the hard limit of this session is " "$launcher" --nofile=999999999 true
}

@test "--trace, --quiet and --follow become variables" {
    run "$launcher" --trace --quiet sh -c 'echo "$GREENPATCH_TRACE $GREENPATCH_QUIET $$"'
    [[ $output =~ ^([0-9]+)\ on\ ([0-9]+)$ ]] && [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
    run "$launcher" --trace --stats --follow sh -c 'echo "$GREENPATCH_TRACE $GREENPATCH_STATS"'
    [ "$output" = "on on" ]
}

@test "real library: the manual is installed" {
    real
    timeout 60 make -s -C "$ROOT" install PREFIX=/opt/gp DESTDIR="$PWD/stage"
    grep -q '^.B GREENPATCH_SLICE' stage/opt/gp/share/man/man1/greenpatch.1
}
