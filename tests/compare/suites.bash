# shellcheck shell=bash
# The tests of threads, sockets and signals that Perl, Ruby and Tcl bring. Debian's packages do not hold them, its source
# packages do: those are fetched by apt, and run with the interpreter that is installed. Sourced by scripts/compare-apps.

# source_of PACKAGE: its source tree, in $SOURCE, fetched once.
source_of() {
    local dir=$ROOT/build/compare/src/$1 apt
    SOURCE=$dir/tree
    [[ ! -d $SOURCE ]] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/lists/partial"
    echo "deb-src http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" >"$dir/sources.list"
    apt=(apt-get -qq -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$dir/lists")
    (cd "$dir" && "${apt[@]}" update && "${apt[@]}" source --download-only "$1") >&2
    mkdir "$dir/new"
    # The Makefile takes every file below build/ that is called so for one of its own.
    tar --exclude='*.d' -xf "$(ls "$dir"/*.orig.tar.*z)" -C "$dir/new" --strip-components=1
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

program perl-suite perl_suite 400 "perl dpkg-dev"
program ruby-suite ruby_suite 450 "ruby dpkg-dev"
program tcl-suite tcl_suite 300 "tcl tcl-thread dpkg-dev"
