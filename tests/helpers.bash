# helpers.bash: what the .bats files share. Load it with `load helpers`.
#
# The laws of every test here:
#   - a guest program knows nothing of greenpatch; it is run natively, on traps only and patched, and has to behave the same;
#   - a test waits for a condition, never for a length of time, and each process it starts has a time limit;
#   - it binds to port 0 on loopback, kills only processes that it started, by their pid, and leaves none behind.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$ROOT/build}
GUESTS=${GUESTS:-$BUILD/guest}
LIBGREENPATCH=${LIBGREENPATCH:-$BUILD/libgreenpatch.so}

# Seconds that one run of a guest may take. A test sets LIMIT before it calls same_three_ways if it needs more.
LIMIT=${LIMIT:-30}

# fail MESSAGE...: ends the test with that message.
fail() {
    printf '%s\n' "$*"
    return 1
}

# need_shim: ends the test with a clear sentence if the library is not built.
need_shim() {
    [ -e "$LIBGREENPATCH" ] || fail "$LIBGREENPATCH is missing: run make"
}

# natively SECONDS PROGRAM ARGS...: runs it without the shim, under a time limit (124 when it was exceeded, 137 when it had to be killed).
natively() {
    local limit=$1
    shift
    timeout -k 2 "$limit" env -u LD_PRELOAD "$@" 2>&"${GUEST_STDERR:-2}" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# shimmed SECONDS PROGRAM ARGS...: the same under the shim. GREENPATCH_ variables of the caller are kept. Statistics are
# printed by this process only, not by its children (bash execs the program, so the pid is the program's).
shimmed() {
    local limit=$1
    shift
    # shellcheck disable=SC2016
    timeout -k 2 "$limit" env SHIM="$LIBGREENPATCH" bash -c '
        ulimit -c 0
        export GREENPATCH_STATS=${GREENPATCH_STATS-$$} LD_PRELOAD=$SHIM${LD_PRELOAD:+:$LD_PRELOAD}
        unset SHIM
        exec "$@"' shimmed "$@" 2>&"${GUEST_STDERR:-2}" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# stats_value KEY FILE: prints the value of one statistic from a file that holds what the program wrote to stderr.
# The last one counts: a program that execs another prints once for each image that ends.
stats_value() {
    awk -v key="$1" '$1 == "greenpatch:" && $2 == "stats:" && $3 == key { value = $4 } END { if (value == "") exit 1; print value }' "$2"
}

# without_greenpatch FILE: its lines except those that greenpatch itself wrote.
without_greenpatch() {
    grep -v '^greenpatch:' "$1" || true
}

# status_name STATUS: a shell's exit status in words.
status_name() {
    case $1 in
    124) echo "status 124 (not finished within $LIMIT s)" ;;
    *)
        if [ "$1" -gt 128 ] && [ "$1" -le 192 ]; then
            echo "status $1 (signal $(kill -l "$1"))"
        else
            echo "status $1"
        fi
        ;;
    esac
}

# show_run NAME: what a run printed, for a failure message; long outputs are cut.
show_run() {
    echo "--- $1: $(status_name "$(cat "$BATS_TEST_TMPDIR/$1.status")")"
    echo "--- $1, stdout (last 20 lines):"
    tail -n 20 "$BATS_TEST_TMPDIR/$1.out"
    echo "--- $1, stderr (last 20 lines):"
    grep -v '^greenpatch: stats:' "$BATS_TEST_TMPDIR/$1.err" | tail -n 20
}

# record NAME natively|shimmed SECONDS PROGRAM ARGS...: runs it, keeps stdout, stderr and status as files in the test's
# directory. Its stderr goes by descriptor 9, so that what this shell says ("Segmentation fault") is not among it.
record() {
    local name=$1 status=0
    shift
    GUEST_STDERR=9 "$@" >"$BATS_TEST_TMPDIR/$name.out" 9>"$BATS_TEST_TMPDIR/$name.err" </dev/null || status=$?
    echo "$status" >"$BATS_TEST_TMPDIR/$name.status"
}

# same_run REFERENCE NAME: the recorded run NAME must equal the recorded run REFERENCE.
same_run() {
    local dir=$BATS_TEST_TMPDIR bad=0
    if ! cmp -s "$dir/$1.status" "$dir/$2.status"; then
        echo "$2: expected $(status_name "$(cat "$dir/$1.status")") as in the run '$1', came $(status_name "$(cat "$dir/$2.status")")"
        bad=1
    fi
    if ! diff -u --label "$1 (expected)" --label "$2 (came)" "$dir/$1.out" "$dir/$2.out" >"$dir/diff"; then
        echo "$2: stdout differs from the run '$1':"
        head -n 40 "$dir/diff"
        bad=1
    fi
    if ! diff -u --label "$1 (expected)" --label "$2 (came)" <(without_greenpatch "$dir/$1.err") <(without_greenpatch "$dir/$2.err") >"$dir/diff"; then
        echo "$2: stderr differs from the run '$1':"
        head -n 40 "$dir/diff"
        bad=1
    fi
    # A statistic is asked for; anything else that greenpatch says about a healthy program is wrong. SAYS: what it has to
    # say about one that is not.
    if [ -n "${SAYS:-}" ] && ! grep -q "^greenpatch: .*$SAYS" "$dir/$2.err"; then
        echo "$2: greenpatch did not say: $SAYS"
        bad=1
    fi
    if grep '^greenpatch:' "$dir/$2.err" | grep -v '^greenpatch: stats:' | grep -v "${SAYS:-^$}" >"$dir/diff"; then
        echo "$2: greenpatch wrote to stderr:"
        head -n 20 "$dir/diff"
        bad=1
    fi
    [ $bad = 0 ] || { show_run "$2"; return 1; }
}

# bounded NAME [PATCHED]: what the statistics of a recorded run must say: few kernel threads (THREADS_MAX, 5), and
# (patched) sites patched and few traps (TRAPS_MAX, 4 for each site and 200). A program that a signal killed prints none.
bounded() {
    local file=$BATS_TEST_TMPDIR/$1.err status sites traps threads most
    status=$(cat "$BATS_TEST_TMPDIR/$1.status")
    if [ "$status" -gt 128 ] && ! grep -q '^greenpatch: stats:' "$file"; then
        return 0
    fi
    threads=$(stats_value kernel-threads-peak "$file") || fail "$1: no statistics on stderr" || return 1
    sites=$(stats_value sites-patched "$file")
    traps=$(stats_value traps "$file")
    [ "$threads" -le "${THREADS_MAX:-5}" ] || fail "$1: expected at most ${THREADS_MAX:-5} kernel threads, came $threads" || return 1
    [ "${2:-}" = patched ] || return 0
    [ "$sites" -gt 0 ] || fail "$1: expected patched sites, came none" || return 1
    most=${TRAPS_MAX:-$((4 * sites + 200))}
    [ "$traps" -le "$most" ] || fail "$1: expected at most $most traps with $sites patched sites, came $traps"
}

# same_three_ways NAME [ARGS...]: the guest program NAME natively, on traps only and patched: same stdout, same stderr
# (greenpatch's own lines aside), same exit status; few kernel threads; patched, also sites patched and few traps.
same_three_ways() {
    local program=$GUESTS/$1 end=$((SECONDS + LIMIT))
    shift
    need_shim || return 1
    [ -x "$program" ] || fail "$program is missing: run make guests" || return 1
    ulimit -c 0
    record native natively "$LIMIT" "$program" "$@"
    if [ "$SECONDS" -ge "$end" ]; then
        echo "native: not finished within $LIMIT s"
        show_run native
        return 1
    fi
    if [ "$(cat "$BATS_TEST_TMPDIR/native.status")" = 1 ]; then
        echo "native: the program's own checks fail without greenpatch"
        show_run native
        return 1
    fi
    GREENPATCH_REWRITE=off record traps-only shimmed "$LIMIT" "$program" "$@"
    record patched shimmed "$LIMIT" "$program" "$@"
    local bad=0
    same_run native traps-only || bad=1
    bounded traps-only || bad=1
    same_run native patched || bad=1
    bounded patched patched || bad=1
    return $bad
}

# same_patched NAME [ARGS...]: natively and patched only, for runs with GREENPATCH_ variables of the test's own. Natively
# once in a file of tests: these variables do not concern it, and a guest prints the same in every run.
same_patched() {
    local program=$GUESTS/$1 kept=$BATS_FILE_TMPDIR/native.${*//[\/ ]/_} part
    shift
    need_shim || return 1
    [ -x "$program" ] || fail "$program is missing: run make guests" || return 1
    ulimit -c 0
    [ -e "$kept.status" ] || record native natively "$LIMIT" "$program" "$@"
    for part in out err status; do
        if [ -e "$kept.$part" ]; then
            cp "$kept.$part" "$BATS_TEST_TMPDIR/native.$part"
        else
            cp "$BATS_TEST_TMPDIR/native.$part" "$kept.$part"
        fi
    done
    record patched shimmed "$LIMIT" "$program" "$@"
    same_run native patched && bounded patched patched
}

# start_background NAME COMMAND...: starts the command, keeps its output in NAME.out and NAME.err and its pid in NAME.pid
# (files of the test's directory). It is killed by stop_all if it still runs then.
start_background() {
    local name=$1
    shift
    "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" </dev/null 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/$name.pid"
}

# background_pid NAME: the pid of a process started with start_background.
background_pid() {
    cat "$BATS_TEST_TMPDIR/$1.pid"
}

# wait_until SECONDS COMMAND...: repeats the command until it succeeds; fails, naming it, when the time is over.
wait_until() {
    local end=$((SECONDS + $1)) limit=$1
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "not true within $limit s: $*" || return 1
        sleep 0.02
    done
}

# start_server NAME SECONDS CONDITION COMMAND...: start_background, then wait until the shell expression CONDITION holds.
# The expression may use $pid and $dir (the test's directory). A server that dies meanwhile fails the test at once.
start_server() {
    local name=$1 seconds=$2 condition=$3 dir=$BATS_TEST_TMPDIR pid end
    shift 3
    start_background "$name" "$@"
    pid=$(background_pid "$name")
    end=$((SECONDS + seconds))
    until eval "$condition" >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null; then
            fail "$name ended before it was ready: $*" "$(tail -n 20 "$dir/$name.err")" || return 1
        fi
        [ "$SECONDS" -lt "$end" ] || fail "$name was not ready within $seconds s: $condition" || return 1
        sleep 0.02
    done
}

# stop_background NAME [SIGNAL]: ends one background process and returns its exit status in $STATUS.
stop_background() {
    local pid
    pid=$(background_pid "$1")
    rm -f "$BATS_TEST_TMPDIR/$1.pid"
    kill -"${2:-TERM}" "$pid" 2>/dev/null || true
    reap "$pid"
}

# reap PID: waits up to 5 s for our child, kills it after that; its exit status is then in $STATUS.
reap() {
    local end=$((SECONDS + 5))
    while [ -e "/proc/$1/stat" ] && [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" != Z ]; do
        [ "$SECONDS" -lt "$end" ] || kill -KILL "$1" 2>/dev/null || true
        sleep 0.02
    done
    STATUS=0
    # shellcheck disable=SC2034 # for the caller
    wait "$1" 2>/dev/null || STATUS=$?
}

# stop_all: ends whatever start_background started; call it from teardown.
stop_all() {
    local file name
    for file in "$BATS_TEST_TMPDIR"/*.pid; do
        [ -e "$file" ] || continue
        name=$(basename "$file" .pid)
        stop_background "$name" || true
    done
}

# free_port: a TCP port on loopback that nothing listened on a moment ago, for programs that cannot bind to port 0.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# port_open PORT: true when something accepts connections there.
port_open() {
    (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
