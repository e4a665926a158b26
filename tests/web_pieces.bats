#!/usr/bin/env bats
# Unit tests of the web library, beside those of its servers.

load helpers

# all NAME: the cases of a program.
all() {
    [ -x "$BUILD/web/unit/$1" ] || skip "the web library is not built here (make web says what is missing)"
    timeout -k 2 100 "$BUILD/web/unit/$1" 3>&-
}

@test "web pieces: WebSocket client, TLS, ZeroMQ's patterns, the chat, misuse" { all pieces; }
@test "web pieces: what a handler may ask and do; the server's options, and how it stops" { all request; }
@test "web pieces: streams by hand, plain and through TLS; clients of the TLS server that misbehave" { all streams; }

@test "web pieces: requests, WebSockets, servers and chats while the n-th allocation fails" { all fault; }
