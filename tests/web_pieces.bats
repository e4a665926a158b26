#!/usr/bin/env bats
# Unit tests of the web library, beside those of its servers.

load helpers

@test "web pieces: WebSocket client, TLS, ZeroMQ's patterns, the chat, misuse" {
    [ -x "$BUILD/web/unit/pieces" ] || skip "the web library is not built here (make web says what is missing)"
    timeout -k 2 100 "$BUILD/web/unit/pieces" 3>&-
}

@test "web pieces: requests, WebSockets, servers and chats while the n-th allocation fails" {
    [ -x "$BUILD/web/unit/fault" ] || skip "the web library is not built here (make web says what is missing)"
    timeout -k 2 100 "$BUILD/web/unit/fault" 3>&-
}
