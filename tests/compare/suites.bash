# shellcheck shell=bash
# The tests of threads, sockets and signals that Perl, Ruby, Tcl and glibc bring, and those of libuv, POSIX and Linux. Debian's
# packages do not hold them, its source packages do: those are fetched by apt, and run with the interpreter, or the libc, that
# is installed, or built. Sourced by scripts/compare-apps.

# source_of PACKAGE [PATTERN...]: its source tree, or what of it matches, in $SOURCE, fetched once.
source_of() {
    local package=$1 dir=$ROOT/build/compare/src/$1 apt
    SOURCE=$dir/tree
    shift
    [[ ! -d $SOURCE ]] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/lists/partial"
    echo "deb-src http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" >"$dir/sources.list"
    apt=(apt-get -qq -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$dir/lists")
    (cd "$dir" && "${apt[@]}" update && "${apt[@]}" source --download-only "$package") >&2
    mkdir "$dir/new"
    # The Makefile takes every file below build/ that is called so for one of its own.
    tar --exclude='*.d' -xf "$(ls "$dir"/*.orig.tar.*z)" -C "$dir/new" --strip-components=1 --wildcards "$@"
    mv "$dir/new" "$SOURCE"
}

# Each file: its exit status, how many tests passed and failed.
perl_suite() {
    source_of perl
    local dir file name=0 status
    for dir in threads threads-shared IO; do cp "$SOURCE/t/test.pl" "$SOURCE/t/charset_tools.pl" "$SOURCE/dist/$dir/t/"; done
    for file in "$SOURCE"/dist/{threads,threads-shared,Thread-Queue,Thread-Semaphore,IO}/t/*.t "$SOURCE"/cpan/Socket/t/*.t; do
        dir=${file%/t/*}
        name=$((name + 1)) status=0
        foreground "$MODE" "$name" 60 sh -c 'cd "$1" && exec perl "$2"' sh "$dir" "t/${file##*/}" || status=$?
        echo "${file#"$SOURCE"/} status $status, $(grep -c '^ok' "$MODE.$name.out") ok, $(grep -c '^not ok' "$MODE.$name.out") not ok" || :
    done | tee counts
    figure "$(awk '{ ok += $4; bad += $6 } END { print NR " files, " ok " tests ok, " bad " not" }' counts)"
}

ruby_suite() {
    source_of ruby3.1
    local file name=0 status
    cd "$SOURCE" || return
    for file in ruby/test_{thread,thread_cv,thread_queue,threadgroup,signal,process,io_nonblock,sleep,fiber}.rb monitor/test_monitor.rb \
        socket/test_{tcp,udp,unix,socket,nonblock,basicsocket,ancdata}.rb; do
        [[ -e test/$file ]] || continue
        name=$((name + 1)) status=0
        foreground "$MODE" "$name" 240 sh -c 'cd "$1" && exec ruby --disable=gems -I lib -I tool/lib -I test/lib test/runner.rb -v "test/$2"' sh "$SOURCE" "$file" || status=$?
        echo "$file status $status, $(grep -E '^[0-9]+ tests' "$WORK/$MODE.$name.out" | sed 's/, [0-9]* assertions//')"
    done | tee "$WORK/counts"
    figure "$(awk '{ run += $4; bad += $6 + $8 } END { print NR " files, " run " tests, " bad " failed" }' "$WORK/counts")"
}

tcl_suite() {
    source_of tcl8.6
    mkdir -p scratch
    local status=0
    foreground "$MODE" tcl 250 sh -c 'cd "$1" && exec tclsh all.tcl -tmpdir "$2" -file "thread.test socket.test event.test exec.test ioCmd.test"' sh "$SOURCE/tests" "$WORK/scratch" || status=$?
    sed -n '/^====/,/^====/p; /Total/p; /^Test file error/p' "$MODE.tcl.out"
    echo "status $status"
    figure "$(sed -n 's/.*Total[^0-9]*\([0-9]*\).*Passed[^0-9]*\([0-9]*\).*Failed[^0-9]*\([0-9]*\).*/\1 tests, \2 passed, \3 failed, the others skipped/p' "$MODE.tcl.out")"
}

GLIBC_DIRS=(nptl rt signal posix misc socket io time sysvipc dirent stdlib dlfcn malloc)
# Not run: what sets the machine's clock; what takes minutes natively; and what cannot be the same (../../preload/README.md,
# known limits: processors of one thread, timers on its time, a thread's id in another process).
GLIBC_NOT='settime|adjtime|/tst-stime|/tst-(mutex10|pthread-timedlock-lockloop|arc4random-fork|mallocfork[23]|pthread-gdb-attach)$'
GLIBC_NOT+='|/tst-thread-affinity|/tst-cputimer2$|/tst-tgkill$'

# glibc_built: its tests in $BUILT, linked as any program is, so that they run with the libc of the system. Built once; what
# was said is in $BUILT.log.
glibc_built() {
    source_of glibc
    BUILT=${SOURCE%/tree}/built
    [[ ! -e $BUILT/complete ]] || return 0
    rm -rf "$BUILT"
    mkdir "$BUILT"
    local dir so
    cd "$BUILT" || return
    {
        "$SOURCE/configure" --prefix=/usr --disable-werror --disable-crypt
        make -j"$(nproc)"
        for dir in "${GLIBC_DIRS[@]}"; do
            make -k -j"$(nproc)" -C "$SOURCE/$dir" "subdir=$dir" "objdir=$BUILT" tests run-built-tests=no || :
            mkdir "$dir/modules" # without the new libc's own libraries
            for so in "$dir"/*.so; do [[ $so == */lib* || ! -e $so ]] || ln -s "$BUILT/$so" "$dir/modules"; done
        done
    } >"$BUILT.log" 2>&1
    find . -depth -name '*.d' -exec rm -rf {} + # see source_of
    touch complete
    cd "$WORK" || return
}

# glibc_tests: DIR/NAME of each program that is linked dynamically.
glibc_tests() {
    local file
    for file in "${GLIBC_DIRS[@]/#/$BUILT/}"; do
        find "$file" -maxdepth 1 -type f -perm -1 ! -name '*.*' -exec sh -c 'for f; do readelf -lW "$f" 2>/dev/null | grep -q INTERP && echo "$f"; done' sh {} +
    done | sed "s|^$BUILT/||" | grep -Ev "$GLIBC_NOT" | sort
}

# glibc_test MODE DIR/NAME: its status, of two tries the better one. Not as root where that is possible, and in a folder that
# is its own.
glibc_test() {
    local file=$BUILT/$2 out=$WORK/$1.${2//\//.}.out status=0 as=() preload=() args=()
    case ${2#*/} in
        tst-cancel*7) args=(--command "exec $file") ;;
        tst-stackguard1) args=(--command "$file --child") ;;
        tst-exec4) args=("$file") ;;
        tst-mqueue7 | tst-exec | tst-execvpe5 | tst-spawn | tst-spawn[56]) args=(-- "$file") ;;
    esac
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${as[@]}" test -x "$file" 2>/dev/null || as=()
    [[ $1 == native ]] || preload=("LD_PRELOAD=$LIB")
    for _ in 1 2; do
        rm -rf "$out.d"
        mkdir -m 777 "$out.d"
        (cd "$out.d" && TIMEOUTFACTOR=3 timeout -k 2 90 "${as[@]}" env "LD_LIBRARY_PATH=$BUILT/${2%/*}/modules" LC_ALL=C "${preload[@]}" "$file" "${args[@]}") >"$out" 2>&1 </dev/null && status=0 || status=$?
        rm -rf "$out.d"
        ((status)) || break
    done
    echo "$2 status $status"
    ((status == 0)) && rm -f "$out"
    return 0
}

# Each program that passes natively: its status.
glibc_suite() {
    glibc_built
    [[ $MODE != native ]] || glibc_tests >tests
    export BUILT WORK LIB
    export -f glibc_test
    xargs -P 8 -I{} bash -c 'glibc_test "$@"' _ "$MODE" {} <tests | sort >"$MODE.all"
    if [[ $MODE == native ]]; then # what does not is not our affair
        awk '$3 == 0 { print $1 }' native.all >passed
        figure "$(wc -l <tests) programs, $(wc -l <passed) pass"
        mv passed tests
    else
        figure "$(awk '$3 == 0' shim.all | wc -l) pass"
    fi
    grep -xFf <(sed 's/$/ status 0/' tests) "$MODE.all" || :
    [[ $MODE == native ]] || grep -v ' status 0$' shim.all || :
}

# outcomes SECONDS: each line of standard input is a test, NAME COMMAND. Its name and how it ends, the best of three tries: on
# a busy machine time may run out. How one fails is not compared: it may hang on what was on its stack.
outcomes() {
    local name command end preload=()
    [[ $MODE == native ]] || preload=("LD_PRELOAD=$LIB")
    while read -r name command; do
        for _ in 1 2 3; do
            end=passed
            timeout -k 2 "$1" env "${preload[@]}" sh -c "$command" >/dev/null 2>>"$MODE.tests.err" </dev/null || end=failed
            [[ $end != passed ]] || break
        done
        echo "$name $end"
    done | tee outcomes
    figure "$(awk '{ good += $2 == "passed" } END { print NR " tests, " good + 0 " passed" }' outcomes)"
}

# Its own runner, test by test. Left out is what speaks to other machines.
libuv_suite() {
    source_of libuv1
    local runner=$SOURCE/o/uv_run_tests
    [[ -x $runner ]] || (cmake -S "$SOURCE" -B "$SOURCE/o" && make -C "$SOURCE/o" -j"$(nproc)" uv_run_tests) >build.log 2>&1
    export UV_RUN_AS_ROOT=1 UV_TEST_TIMEOUT_MULTIPLIER=4
    "$runner" --list | sed '1d; s/ .*//' | grep -vE 'getaddrinfo|udp_multicast|tcp_connect_timeout' |
        awk -v dir="$SOURCE" '{ print $1, "cd " dir " && exec o/uv_run_tests " $1 }' | outcomes 60
}

# posix_build FILE: a program of the same name without .c.
posix_build() { gcc -w -O1 -D_GNU_SOURCE -Iinclude -I"${1%/*}" "$1" -o "${1%.c}" -lpthread -lrt 2>/dev/null || :; }

# The conformance tests of what the shim sees to, of sigaction each assertion once. None that sets the clock, that takes half
# a minute or never ends natively, or whose outcome is the scheduler's (a count of wakes, real-time priorities, a write that a
# close may overtake); nor one that is too long on traps (8 million readings of processor time), nor a timer of 2 ns with
# SIGCONT, a known limit. Those of asynchronous files ask for the POSIX of 2001 to the letter.
posix_suite() {
    source_of posixtestsuite
    cd "$SOURCE" || return
    if [[ ! -e built ]]; then
        export -f posix_build
        sed -i 's/!= *200112L/< 200112L/' conformance/interfaces/{aio,lio}_*/*.c
        find conformance/interfaces/{aio_,clock,fork,kill,lio_,mq_,nanosleep,pthread_,raise,sem_,sig,timer_}* -name '[0-9]*-*.c' |
            grep -vE 'speculative|buildonly|/sigaction/[0-9]+-([^1]|1[0-9])|pthread_cond_init/1-3|pthread_create/1-6' |
            grep -vE '(fork/11|nanosleep/10000|pthread_(barrier_destroy|equal)/2|timer_settime/2)-1|cond_broadcast/1-2|settime/(1-2|5-3)' |
            grep -vE 'aio_return/1-1|clock/1-1|timer_getoverrun/2-3' |
            sort | xargs grep -LE 'clock_settime|settimeofday|stime\(|adjtime' >built
        xargs -P "$(nproc)" -I{} bash -c 'posix_build {}' <built
    fi
    cd "$WORK" || return
    sed 's/\.c$//' "$SOURCE/built" | while read -r test; do
        [[ ! -x $SOURCE/$test ]] || echo "${test#*/*/} exec $SOURCE/$test"
    done | outcomes 20
}

# Linux's own tests of the calls that the shim makes itself. Left out is what traces its children: they stop for each trap.
kernel_suite() {
    source_of linux '*/tools/testing/selftests/*'
    local file name more dir=$SOURCE/tools/testing/selftests
    mkdir -p "$SOURCE/built"
    cd "$dir" || return
    for file in futex/functional/futex_*.c clone3/clone3{,_clear_sighand,_set_tid}.c core/close_range_test.c \
        pidfd/pidfd_{fdinfo_test,getfd_test,open_test,poll_test,wait}.c kcmp/kcmp_test.c mqueue/mq_open_tests.c ipc/msgque.c \
        sigaltstack/sas.c proc/{proc-self-syscall,proc-tid0,self,thread-self,fd-00?-*}.c membarrier/*_thread.c memfd/memfd_test.c \
        timers/{nanosleep,posix_timers,threadtest}.c x86/sigaltstack.c net/af_unix/unix_connect.c; do
        name=${file%.c} name=$SOURCE/built/${name//\//.} more=()
        [[ $file != memfd/* ]] || more=(memfd/common.c)
        [[ -x $name ]] || gcc -w -O2 -D_GNU_SOURCE -I. -I"${file%/*}" -Ifutex/include "$file" "${more[@]}" -o "$name" \
            -lpthread -lrt -lcap >/dev/null 2>&1 || :
    done
    cd "$WORK" || return
    for file in "$SOURCE"/built/*; do
        echo "${file##*/} exec $file"
    done | outcomes 60
}

program perl-suite perl_suite 400 "perl dpkg-dev"
program ruby-suite ruby_suite 450 "ruby dpkg-dev"
program tcl-suite tcl_suite 300 "tcl tcl-thread dpkg-dev"
program glibc-suite glibc_suite 2400 "gcc make bison gawk python3 dpkg-dev"
program libuv-suite libuv_suite 900 "cmake dpkg-dev"
program posix-suite posix_suite 1800 "dpkg-dev"
program kernel-suite kernel_suite 600 "libcap-dev dpkg-dev"
