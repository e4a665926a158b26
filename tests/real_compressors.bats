#!/usr/bin/env bats
# pigz, xz and zstd with four threads, unmodified: the same compressed bytes, and each reads what the other mode wrote.

load real_helpers
export BATS_TEST_TIMEOUT=120

setup() { real_setup; }
teardown() { real_teardown; }

# make_text BYTES PATH: numbered lines, some of them random: compresses to about a third.
make_text() {
    "$PYTHON" -c 'import random, sys
r = random.Random(7)
lines = ("%d %s\n" % (i, r.randbytes(12).hex() if i % 3 else "the same line again") for i in range(int(sys.argv[1]) // 28))
sys.stdout.write("".join(lines))' "$1" >"$2"
}

# compress_both WAYS BYTES command...: compresses natively and under the shim to the same bytes; each mode unpacks the
# other's file by "command -d" to the original.
compress_both() {
    local bytes=$1 mode
    shift
    make_text "$bytes" "$WORK/text"
    for mode in native shim; do foreground "$mode" pack 60 "$@" -c "$WORK/text"; done
    same native.pack.out shim.pack.out
    cp "$WORK/native.pack.out" "$WORK/packed"
    for mode in native shim; do
        foreground "$mode" unpack 60 "$@" -d -c "$WORK/packed"
        cmp "$WORK/text" "$WORK/$mode.unpack.out"
    done
    on_few_threads pack unpack
    # Its helpers are greenlets: it has its threads, but not in the kernel.
    (($(stat_of pack greenlets-made) >= 4))
}

@test "pigz -p 4: compresses and unpacks as natively" {
    compress_both 24000000 pigz -n -p 4
}

@test "xz -T4: compresses and unpacks as natively" {
    compress_both 4000000 xz -T4 -1 --block-size=400KiB
}

@test "zstd -T4: compresses and unpacks as natively" {
    compress_both 24000000 zstd -q -T4 -9 -B1M
}

@test "pigz: in the middle of a pipe" {
    local mode
    make_text 4000000 "$WORK/text"
    for mode in native shim; do
        # shellcheck disable=SC2016
        foreground "$mode" pipe 60 sh -c 'cat "$1" | pigz -n -p 4 | pigz -d -p 4 | cksum' sh "$WORK/text"
    done
    same native.pipe.out shim.pipe.out
    on_few_threads pipe
}
