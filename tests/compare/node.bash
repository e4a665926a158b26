# shellcheck shell=bash
# Node.js. Sourced by scripts/compare-apps.

node_run() {
    foreground "$MODE" node 100 "$@" "$ROOT/tests/compare/node.js"
    cat "$MODE.node.out"
}

node_plain() { node_run node; }
# Files by io_uring, which libuv does only when asked.
node_uring() { node_run env UV_USE_IO_URING=1 node; }

program node node_plain 120 nodejs
program node-uring node_uring 120 nodejs
