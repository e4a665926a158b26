#!/usr/bin/env bats
# What the libraries show to the outside: their names, what they need, their segments; the public headers; and that an
# installed copy can be built against.

load helpers

CORE=$BUILD/libgreenpatch-core.so

setup() {
    need_shim
    [ -e "$CORE" ] || fail "$CORE is missing: run make"
    cd "$BATS_TEST_TMPDIR" || return
    unset LD_PRELOAD PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
}

# mapped MAP...: the names of the export maps, one a line.
mapped() {
    awk '/global:/ { on = 1; next } /local:/ { on = 0 } on { gsub(/[ \t;]/, ""); if ($0 != "" && $0 !~ /[*\/]/) print }' "$@" | sort
}

# exported LIBRARY: the names that it defines for others. Version nodes are not names.
exported() {
    nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}

# same_names LIBRARY MAP...
same_names() {
    local library=$1
    shift
    [ "$(mapped "$@" | wc -l)" -ge 10 ] || fail "expected at least 10 names in $*, came $(mapped "$@" | wc -l)" || return 1
    diff -u --label exports.map --label "$(basename "$library")" <(mapped "$@") <(exported "$library")
}

@test "exports: libgreenpatch-core.so has the names of core/exports.map and no other" { same_names "$CORE" "$ROOT/core/exports.map"; }
@test "exports: libgreenpatch.so has these, those of preload/exports.map, and no other" { same_names "$LIBGREENPATCH" "$ROOT"/{core,preload}/exports.map; }

@test "exports: every exported function is declared in a public header, and every declared one exported" {
    gcc -std=c11 -I"$ROOT/include" -E -x c "$ROOT/include/greenpatch.h" >all.i
    # What a header defines itself (static inline) is in no library.
    sed -nE 's/^static inline [^(]*\b(gp_[a-z0-9_]+)\(.*/\1/p' all.i | sort -u >inlined
    grep -oE '\bgp_[a-z0-9_]+\(' all.i | tr -d '(' | sort -u | comm -23 - inlined >declared
    diff -u --label exports.map --label headers <(mapped "$ROOT"/{core,preload}/exports.map) declared
}

@test "exports: the web library has the names of core/web/exports.map and no other, and each is declared" {
    [ -e "$BUILD/libgreenpatch-web.so" ] || skip "the web library is not built here"
    diff -u --label exports.map --label library <(mapped "$ROOT"/core/web/exports.map) <(exported "$BUILD/libgreenpatch-web.so")
    gcc -std=c11 -I"$ROOT/include" -E -x c "$ROOT/include/greenpatch-web.h" | awk '/^# [0-9]/ { web = $3 ~ /greenpatch\/web\// } web' >web.i
    grep -oE '\bgp_[a-z0-9_]+\(' web.i | tr -d '(' | sort -u >declared
    diff -u --label exports.map --label headers <(mapped "$ROOT"/core/web/exports.map) declared
}

@test "exports: what the core shows in its archive begins with gp_ or with libev's new prefix" {
    nm -g --defined-only "$BUILD/libgreenpatch-core.a" | awk 'NF == 3 && $3 !~ /^gp_/ { print $3 }' >others
    [ ! -s others ] || fail "expected gp_ names, came $(tr '\n' ' ' <others)"
}

# needs LIBRARY: the libraries that it asks for at run time.
needs() {
    LC_ALL=C readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

@test "libraries: they need nothing but libc at run time" {
    local library
    for library in "$LIBGREENPATCH" "$CORE"; do
        needs "$library" | grep -vxE 'libc\.so\.6|ld-linux-x86-64\.so\.2' >others || true
        [ ! -s others ] || fail "$library: expected libc alone, came $(tr '\n' ' ' <others)" || return 1
    done
}

@test "libraries: what they leave undefined is libc's" {
    local library
    LC_ALL=C nm -D --defined-only "$(gcc -print-file-name=libc.so.6)" "$(gcc -print-file-name=ld-linux-x86-64.so.2)" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u >libc
    [ "$(wc -l <libc)" -gt 1000 ]
    for library in "$LIBGREENPATCH" "$CORE"; do
        nm -D --undefined-only "$library" | awk '$1 == "U" { sub(/@.*/, "", $2); print $2 }' | sort -u >undefined
        comm -23 undefined libc >others
        [ ! -s others ] || fail "$library: expected names of libc, came $(tr '\n' ' ' <others)" || return 1
    done
}

# What a system call of the program runs through: everything but the gp_ functions that a program calls at rest (the nouns
# in core/) and preload/carry.c.
@test "libraries: what handles a system call in the shim calls no function of libc" {
    local objects
    objects=$(find "$BUILD/obj/shim/core/run" "$BUILD/obj/shim/core/sync" "$BUILD/obj/shim/preload" -name '*.o' ! -name carry.o)
    find "$BUILD/obj/shim" -name '*.o' -exec nm --defined-only {} + | awk 'NF == 3 { print $3 }' | sort -u >ours
    # shellcheck disable=SC2086
    nm --undefined-only $objects | awk '$1 == "U" { print $2 }' | sort -u >undefined
    [ "$(wc -l <undefined)" -gt 100 ]
    comm -23 undefined ours | grep -vE '^(gp__lib_|gp_|_GLOBAL_OFFSET_TABLE_$|_DYNAMIC$|__ehdr_start$)' >others || true
    [ ! -s others ] || fail "expected none, came $(tr '\n' ' ' <others)"
}

@test "libraries: no text relocation, no executable stack, no writable and executable segment" {
    local library
    for library in "$LIBGREENPATCH" "$CORE"; do
        ! LC_ALL=C readelf -dW "$library" | grep -E 'TEXTREL' || fail "$library has text relocations" || return 1
        LC_ALL=C readelf -lW "$library" >segments
        grep -E 'GNU_STACK .* RW +0x' segments || fail "$library: expected a stack that is not executable: $(grep GNU_STACK segments)" || return 1
        ! grep -E '^ +[A-Z_]+ .* RWE ' segments || fail "$library: a segment is writable and executable" || return 1
        grep -q GNU_RELRO segments || fail "$library: expected RELRO" || return 1
    done
}

@test "libraries: the shim stays loaded and its constructor comes first" {
    LC_ALL=C readelf -dW "$LIBGREENPATCH" >dynamic
    grep -q 'NODELETE' dynamic || fail "expected NODELETE"
    grep -q 'INITFIRST' dynamic || fail "expected INITFIRST"
    grep -q 'SONAME.*\[libgreenpatch\.so\]' dynamic || fail "expected the name libgreenpatch.so"
    ! grep -qE '\((FINI|FINI_ARRAY)\)' dynamic || fail "expected no destructor"
}

@test "sources: core and include never include a header of the shim" {
    grep -rnE '#[[:space:]]*include[[:space:]]*[<"]([./]*)preload/' "$ROOT/core" "$ROOT/include" >others || true
    [ ! -s others ] || fail "expected none, came $(cat others)"
    # The compiler's own word for it, conditions and macros resolved.
    local file flags
    for flags in "" -DGP_SHIM; do
        for file in "$ROOT"/core/*.c "$ROOT"/core/run/*.c; do
            # shellcheck disable=SC2086
            gcc -std=gnu11 -D_GNU_SOURCE $flags -DGP_VERSION='"0"' -I"$ROOT/include" -I"$ROOT" -MM "$file"
        done
    done | tr ' ' '\n' | grep '/preload/' >others || true
    [ ! -s others ] || fail "expected none, came $(tr '\n' ' ' <others)"
}

# Each public header as the only line of a program.
alone() {
    local header
    find "$ROOT/include" -name '*.h' -printf '%P\n' | sort >headers
    [ -s headers ]
    while read -r header; do
        echo "#include \"$header\"" >one.c
        echo "#include \"$header\"" >>one.c # and a second time
        "$@" -Wall -Wextra -Werror -pedantic -fsyntax-only -I"$ROOT/include" one.c || fail "$header does not compile alone: $*" || return 1
    done <headers
}

@test "headers: each compiles alone as C11" { alone gcc -std=c11; }
@test "headers: each compiles alone as C++20" { alone g++ -std=c++20 -x c++; }
@test "headers: each compiles alone as C++11" { alone g++ -std=c++11 -x c++; }

@test "headers: they show nothing of libev" {
    grep -rniE '\bev_|<ev\.h>|libev' "$ROOT/include" >others || true
    [ ! -s others ] || fail "expected none, came $(cat others)"
}

@test "headers: a C++ program includes them all and links every function of the core without a warning" {
    {
        echo '#include <greenpatch.h>'
        find "$ROOT/include/greenpatch" -name '*.h' -printf '#include <greenpatch/%P>\n' | sort
        echo 'typedef void (*any)();'
        echo 'any all[] = {'
        mapped "$ROOT/core/exports.map" | sed 's/.*/\treinterpret_cast<any>(&),/'
        echo '};'
        echo 'int main() { return gp_yield() || !all[0]; }'
    } >all.cpp
    local std
    for std in c++11 c++20; do
        g++ -std=$std -Wall -Wextra -Werror -pedantic -Wno-cast-function-type -I"$ROOT/include" -o all all.cpp \
            "$BUILD/libgreenpatch-core.a" -pthread -Wl,--fatal-warnings || fail "$std: expected no warning" || return 1
        timeout 20 ./all || fail "$std: expected status 0, came $?" || return 1
    done
}

# ---- installation -----------------------------------------------------------------

program() {
    cat >program.c <<'END'
#include <greenpatch.h>
#include <stdio.h>

static void *hello(void *arg)
{
	gp_sleep(1000);
	printf("%s from greenlet %lu\n", (const char *)arg, gp_id(gp_self()));
	return NULL;
}

int main(void)
{
	struct gp_greenlet *g = gp_spawn(hello, (void *)"hello");

	if (!g || gp_join(g, GP_NEVER))
		return 1;
	gp_unref(g);
	return 0;
}
END
    cp program.c program.cpp
}

install_to() {
    timeout 120 make -s -C "$ROOT" install "$@" 3>&- >install.log 2>&1 || fail "make install $*: $(tail -n 20 install.log)"
}

# runs COMMAND...: the built program says hello.
runs() {
    local out
    out=$(timeout 20 "$@") || fail "$*: expected status 0, came $?" || return 1
    [ "$out" = "hello from greenlet 2" ] || fail "$*: expected the greeting, came: $out"
}

@test "install: a program is built by pkg-config against a staged copy, with the shared and the static library" {
    local lib=$PWD/stage/usr/local/lib
    install_to DESTDIR="$PWD/stage"
    program
    export PKG_CONFIG_PATH=$lib/pkgconfig
    # shellcheck disable=SC2046
    gcc -Wall -Wextra -Werror -o shared program.c $(pkg-config --define-prefix --cflags --libs greenpatch)
    runs env LD_LIBRARY_PATH="$lib" ./shared
    # shellcheck disable=SC2046
    g++ -std=c++20 -Wall -Wextra -Werror -o shared++ program.cpp $(pkg-config --define-prefix --cflags --libs greenpatch)
    runs env LD_LIBRARY_PATH="$lib" ./shared++
    # shellcheck disable=SC2046
    gcc -o static program.c $(pkg-config --define-prefix --cflags greenpatch) "$lib/libgreenpatch-core.a" -pthread
    runs ./static
    needs shared | grep -qx 'libgreenpatch-core.so' || fail "expected libgreenpatch-core.so to be needed"
    [ "$(pkg-config --modversion greenpatch)" = "$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")" ]
    # Each function of the core and of the web library has a page of the manual.
    local name man=stage/usr/local/share/man
    for name in $(mapped "$ROOT/core/exports.map") $(mapped "$ROOT/core/web/exports.map"); do
        [ -s "$man/man3/$name.3" ] || fail "expected a manual page for $name" || return 1
        [ -s "$man/$(sed -n 's/^\.so //p' "$man/man3/$name.3")" ] || fail "$name.3 leads nowhere" || return 1
    done
    # Nothing but what is meant to be there.
    (cd stage && find . -type f | sort) >files
    grep -vE '^\./usr/local/(bin/greenpatch|include/greenpatch(-web)?(\.h|/(web/)?[a-z_]+\.h)|lib/(greenpatch/libgreenpatch\.so|libgreenpatch-(core|web)\.(a|so)|pkgconfig/greenpatch(-patch|-web)?\.pc)|share/.*)$' files >others || true
    [ ! -s others ] || fail "expected only what belongs there, came $(tr '\n' ' ' <others)"
}

@test "install: PREFIX= is where everything is looked for" {
    local prefix=$PWD/opt
    install_to PREFIX="$prefix"
    program
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    [ "$(pkg-config --variable=prefix greenpatch)" = "$prefix" ] || fail "greenpatch.pc: expected the prefix $prefix, came $(pkg-config --variable=prefix greenpatch)"
    # shellcheck disable=SC2046
    gcc -o shared program.c $(pkg-config --cflags --libs greenpatch)
    runs env LD_LIBRARY_PATH="$prefix/lib" ./shared
    # The same program against the shim, which it finds by itself.
    # shellcheck disable=SC2046
    gcc -o patched program.c $(pkg-config --cflags --libs greenpatch-patch)
    runs ./patched
    needs patched | grep -qx 'libgreenpatch.so' || fail "expected libgreenpatch.so to be needed"
    # The launcher finds its library there, from another directory.
    run timeout 20 "$prefix/bin/greenpatch" --stats cat /dev/null
    [ "$status" = 0 ] || fail "launcher: expected status 0, came $status: $output"
    [[ $output == *"greenpatch: stats: "* ]] || fail "launcher: expected statistics, came: $output"
    # The next installation elsewhere is not spoilt by this one.
    install_to DESTDIR="$PWD/stage"
    grep -qx 'prefix=/usr/local' stage/usr/local/lib/pkgconfig/greenpatch.pc
}

@test "install: with DESTDIR= nothing is written outside of it" {
    install_to DESTDIR="$PWD/stage" PREFIX="$PWD/elsewhere"
    [ ! -e elsewhere ] || fail "expected nothing in $PWD/elsewhere, came $(find elsewhere | head)"
    [ -e "stage$PWD/elsewhere/lib/libgreenpatch-core.so" ]
    grep -rlF "$PWD/stage" stage >others || true
    [ ! -s others ] || fail "expected no file to name the staging directory, came $(tr '\n' ' ' <others)"
}
