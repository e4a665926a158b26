# For the tests of real programs: run a program natively or under the shim, watch how many kernel threads it has, and
# make sure that nothing is left behind. "mode" is native or shim everywhere; NAME tells several programs of a test
# apart: output goes to $WORK/MODE.NAME.out and .err, the peak of kernel threads to .peak.

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
LIB=${LIBGREENPATCH:-$ROOT/build/libgreenpatch.so}
PYTHON=/usr/bin/python3
MOST_THREADS=5
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

real_setup() {
    WORK=${BATS_TEST_TMPDIR:?}
    [[ -r $LIB ]] || { echo "$LIB is missing: run make first"; return 1; }
    declare -gA PID_OF=()
    # A pipe that nothing is ever written to: read -t on it sleeps without making a process.
    exec {NEVER}<> <(:)
}

# Every process that a test makes is started in $WORK: whatever still has it as its working directory was left behind.
real_teardown() {
    local left pid
    left=$(left_over)
    for pid in $left; do
        echo "left behind: $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
        kill -KILL "$pid" 2>/dev/null || :
    done
    if [[ -z ${BATS_TEST_COMPLETED-} ]]; then
        for file in "$WORK"/*.err; do
            [[ -s $file ]] || continue
            echo "--- ${file##*/}"
            grep -v '^greenpatch: stats: ' "$file" | head -n 30
        done
    fi
    [[ -z $left ]]
}

left_over() {
    local dir
    for dir in /proc/[0-9]*; do
        [[ $(readlink "$dir/cwd" 2>/dev/null)/ == "${WORK:?}"/* ]] && alive "${dir#/proc/}" && echo "${dir#/proc/}"
    done
    :
}

nap() { read -rt "$1" -u "$NEVER" || :; }

# status_of PID KEY: the words of that line of its status are in the array "status"; none if there is no such process.
# (Read line by line the file would be another one for each line.)
status_of() {
    local lines line
    mapfile -t lines 2>/dev/null <"/proc/$1/status" || :
    status=()
    for line in "${lines[@]}"; do
        [[ $line != "$2:"* ]] || read -ra status <<<"${line#*:}"
    done
}

# alive PID: it runs, and is not only waiting to be collected.
alive() {
    local status
    status_of "$1" State
    [[ ${status[0]-Z} != Z ]]
}

# kernel_threads PID: how many it has now.
kernel_threads() {
    local status
    status_of "$1" Threads
    echo "${status[0]-0}"
}

# watch_threads PID FILE: keeps the most that it was ever seen to have in FILE, until it ends, or the test.
watch_threads() {
    local now peak=0
    while alive "$1" && alive $$; do
        now=$(kernel_threads "$1")
        if ((now > peak)); then
            peak=$now
            echo "$peak" >"$2"
        fi
        nap 0.03
    done
}

# until_true SECONDS command...: false if it did not become true in time.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || { echo "never became true: $*"; return 1; }
        nap 0.05
    done
}

# start MODE NAME command...: in the background; its id is in PID_OF[MODE.NAME].
start() {
    local key=$1.$2 mode=$1
    shift 2
    (
        cd "$WORK" || exit 1
        # Only this process prints statistics (exec keeps the id), its children do not, unless STATS=on.
        [[ $mode == native ]] || export GREENPATCH_STATS=${STATS:-$BASHPID} LD_PRELOAD=$LIB
        exec "$@"
    ) >"$WORK/$key.out" 2>"$WORK/$key.err" </dev/null 3>&- {NEVER}>&- &
    PID_OF[$key]=$!
    echo 0 >"$WORK/$key.peak"
    watch_threads "$!" "$WORK/$key.peak" >/dev/null 2>&1 3>&- &
}

# collect MODE NAME SECONDS: waits for its end, returns its exit status; 124 if it had to be killed.
collect() {
    local key=$1.$2 end=$((SECONDS + $3)) pid=${PID_OF[$1.$2]}
    while alive "$pid"; do
        if ((SECONDS >= end)); then
            echo "$key did not end within $3 s"
            kill -KILL "$pid"
            wait "$pid" 2>/dev/null || :
            return 124
        fi
        nap 0.05
    done
    wait "$pid"
}

# foreground MODE NAME SECONDS command...: start and collect.
foreground() {
    local mode=$1 name=$2 limit=$3
    shift 3
    start "$mode" "$name" "$@"
    collect "$mode" "$name" "$limit"
}

# stop MODE NAME [signal]: it has to end by itself after the signal, with status 0.
stop() {
    kill -"${3:-TERM}" "${PID_OF[$1.$2]}"
    local status=0
    collect "$1" "$2" 15 || status=$?
    ((status == 0)) || { echo "$1.$2 ended with status $status after SIG${3:-TERM}"; return 1; }
}

# stat_of NAME KEY: from the statistics that the shim printed at the end.
stat_of() { sed -n "s/^greenpatch: stats: $2 //p" "$WORK/shim.$1.err" | head -n 1; }

# no_deadlock_report [FILE...]: none on the standard error of any program, nor in these files.
# shellcheck disable=SC2120
no_deadlock_report() {
    if grep -H -A5 '^greenpatch: deadlock' "$WORK"/*.err "$@"; then
        echo "a false deadlock report"
        return 1
    fi
}

# on_few_threads NAME...: it ran under the shim, with few kernel threads by its own count and as seen from outside; and
# it made greenlets for the threads that it was seen to have natively (half of them at least: a pool grows with chance).
on_few_threads() {
    local name peak seen sites made native
    for name in "$@"; do
        peak=$(stat_of "$name" kernel-threads-peak)
        sites=$(stat_of "$name" sites-patched)
        made=$(stat_of "$name" greenlets-made)
        native=$(cat "$WORK/native.$name.peak")
        seen=$(cat "$WORK/shim.$name.peak")
        [[ -n $peak && -n $sites && -n $made ]] || { echo "$name printed no statistics: was it patched?"; return 1; }
        echo "$name: kernel threads at most $peak by its own count, $seen as seen, $native natively; $made greenlets made, $sites sites patched"
        ((sites > 0)) || { echo "no site was patched"; return 1; }
        ((peak <= MOST_THREADS && seen <= MOST_THREADS)) || { echo "more than $MOST_THREADS"; return 1; }
        ((made >= native / 2)) || { echo "its threads were not made greenlets"; return 1; }
    done
    # shellcheck disable=SC2119
    no_deadlock_report
}

# free_port: one that nobody listens on now.
free_port() {
    "$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listens() { { exec {listening}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && exec {listening}>&-; }

# make_file BYTES PATH: looks random, and is the same every time.
make_file() {
    "$PYTHON" -c 'import random, sys; sys.stdout.buffer.write(random.Random(int(sys.argv[1])).randbytes(int(sys.argv[1])))' \
        "$1" >"$2"
}

# same A B: two files of $WORK.
same() {
    cmp "$WORK/$1" "$WORK/$2" || { diff -u "$WORK/$1" "$WORK/$2" | head -n 30; return 1; }
}

# compare_python SCRIPT args...: the same output and exit status natively and under the shim.
compare_python() {
    local script=$1 native=0 shim=0
    shift
    foreground native python 40 "$PYTHON" -X faulthandler "$ROOT/tests/python/$script" "$@" || native=$?
    foreground shim python 60 "$PYTHON" -X faulthandler "$ROOT/tests/python/$script" "$@" || shim=$?
    echo "status natively $native, under the shim $shim"
    ((native == 0 && shim == 0))
    same native.python.out shim.python.out
    on_few_threads python
}
