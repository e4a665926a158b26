#!/usr/bin/env bats
# The pages of tests/examples/ in a real browser without a screen: two Chromiums, driven by tests/web/pages.py.

load helpers

setup() {
    [ -x "$BUILD/examples/chat" ] || skip "the web library is not built here (make web says what is missing)"
    command -v chromium-headless-shell chromium >/dev/null || skip "no Chromium here (chromium-headless-shell)"
    /usr/bin/python3 -c 'import websocket' 2>/dev/null || skip "no python3-websocket here"
}

page() { timeout -k 2 120 /usr/bin/python3 "$ROOT/tests/web/pages.py" "$1" "$BUILD" 3>&-; }

@test "web pages: two browsers chat, and come back after a restart of the server" { page chat; }
@test "web pages: contrast, names, keyboard, a phone's width" { page looks; }
@test "web pages: readings come, pause, and go on after a restart" { page readings; }
