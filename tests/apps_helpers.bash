# For the tests of tests/apps: blocking programs that know nothing of greenpatch, natively, patched and on traps only.
# A mode is native, shim or traps; everything else is as in real_helpers.bash.

load real_helpers
APPS=${APPS:-$ROOT/build/app}
export BATS_TEST_TIMEOUT=240

# begin MODE NAME PROGRAM args...: start, in any of the three modes. A program without a slash is one of tests/apps.
begin() {
    local mode=$1 name=$2 program=$3
    shift 3
    [[ $program == */* || -n $(type -P "$program") ]] || program=$APPS/$program
    [[ $program != "$APPS"/* || -x $program ]] || { echo "$program is missing: run make apps"; return 1; }
    if [[ $mode == traps ]]; then
        GREENPATCH_REWRITE=off start traps "$name" "$program" "$@"
    else
        start "$mode" "$name" "$program" "$@"
    fi
}

# run_to_end MODE NAME SECONDS PROGRAM args...: begin, and wait for its end; its exit status.
run_to_end() {
    local mode=$1 name=$2 limit=$3
    shift 3
    begin "$mode" "$name" "$@" && collect "$mode" "$name" "$limit"
}

# port_of MODE NAME: the port in the line "port N" that a server prints when it listens.
port_of() {
    until_true 20 grep -q '^port [1-9]' "$WORK/$1.$2.out" >&2 || return 1
    sed -n 's/^port //p' "$WORK/$1.$2.out" | head -n 1
}

# without_port FILE: a server's output, the numbers of its ports aside.
without_port() { sed -i 's/^port [0-9 ]*$/port/' "$1"; }

# as_natively NAME...: standard output and error were the same in all modes that it ran in (the shim's statistics
# aside), and under the shim there were few kernel threads, but greenlets.
as_natively() {
    local name mode
    for name in "$@"; do
        for mode in native shim traps; do
            [[ -e $WORK/$mode.$name.out ]] || continue
            without_port "$WORK/$mode.$name.out"
            grep -v '^greenpatch: stats: ' "$WORK/$mode.$name.err" >"$WORK/$mode.$name.said" || :
            same "native.$name.out" "$mode.$name.out"
            same "native.$name.said" "$mode.$name.said"
        done
        [[ -e $WORK/traps.$name.out ]] && on_traps_only "$name"
    done
    on_few_threads "$@"
}

# on_traps_only NAME: no site was patched, and the kernel threads were few.
on_traps_only() {
    local peak
    peak=$(sed -n 's/^greenpatch: stats: kernel-threads-peak //p' "$WORK/traps.$1.err" | head -n 1)
    [[ -n $peak ]] || { echo "$1 on traps printed no statistics: was it patched?"; return 1; }
    grep -qx 'greenpatch: stats: sites-patched 0' "$WORK/traps.$1.err" || { echo "$1: sites were patched"; return 1; }
    ((peak <= MOST_THREADS)) || { echo "$1 on traps: $peak kernel threads"; return 1; }
}
