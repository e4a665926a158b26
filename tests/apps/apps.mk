# apps.mk: how the programs of this folder are built. Included by the Makefile. Those named patch_* link the shim and
# patch themselves (the Makefile has their rule); the others know nothing of it, and have only their library.

app_libs_chat_driver  :=
app_libs_chat_server  :=
app_libs_http_fetch   := -lcurl
app_libs_mhd_server   := -lmicrohttpd
app_libs_pg_threads   := -I/usr/include/postgresql -lpq
app_libs_redis_threads := -lhiredis
app_libs_sqlite_threads := -lsqlite3
app_libs_tls_server   := -lssl -lcrypto
app_libs_ws_server    := -lcivetweb
app_libs_zmq_pubsub   := -lzmq
app_libs_zmq_reqrep   := -lzmq

$(B)/app/%: tests/apps/%.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -o $@ $< $(app_libs_$*) -pthread
