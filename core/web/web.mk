# web.mk: the web library. Included by the Makefile.
#
#   make web        libgreenpatch-web.so, .a and .pc
#   make examples   the servers of tests/examples/
#
# It needs libraries that core and shim do without: libhttp-parser-dev libwslay-dev libcjson-dev libssl-dev libzmq3-dev.
# A plain `make` builds it where they are; `make web` says what is missing.

web_headers  := http_parser.h wslay/wslay.h cjson/cJSON.h openssl/ssl.h zmq.h
web_libs     := -lhttp_parser -lwslay -lcjson -lssl -lcrypto -lzmq
web_src      := $(wildcard core/web/*.c)
web_obj      := $(web_src:%.c=$(B)/obj/web/%.o)
web_names    := $(B)/libgreenpatch-web.so $(B)/libgreenpatch-web.a $(B)/greenpatch-web.pc
WEB          := $(filter-out -fno-strict-aliasing,$(BASE))
web_missing  := $(shell for h in $(web_headers); do \
                  printf '\043include <%s>\n' $$h | $(CC) -E -x c - >/dev/null 2>&1 || echo $$h; done)

.PHONY: web
ifeq ($(strip $(web_missing)),)
all: web
web: $(web_names)
install: install-web
# Beside core's in `make asan` and `make valgrind`; fault.c has an allocator of its own.
web_asan     := $(addprefix $(B)/asan/web/,pieces request streams)
web_valgrind := $(B)/web/unit/pieces
else
tutorial := $(filter-out $(patsubst tests/tutorial/%.c,$(B)/tutorial/%,$(foreach n,29 31 32 33 34 35,$(wildcard tests/tutorial/$(n)_*.c))),$(tutorial))
web:
	@echo 'make web: missing: $(web_missing)' >&2; false
endif

.PHONY: install-web
install-web: web
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 755 $(B)/libgreenpatch-web.so $(DESTDIR)$(LIBDIR)/
	install -m 644 $(B)/libgreenpatch-web.a $(DESTDIR)$(LIBDIR)/
	install -m 644 $(B)/greenpatch-web.pc $(DESTDIR)$(LIBDIR)/pkgconfig/

$(B)/obj/web/%.o: %.c
	@mkdir -p $(@D)
	@echo '  web $<'; $(CC) $(WEB) -MMD -MP -c -o $@ $<

$(B)/libgreenpatch-web.so: $(web_obj) core/web/exports.map $(B)/libgreenpatch-core.so
	@$(CC) -shared -o $@ $(web_obj) -Wl,--version-script=core/web/exports.map \
	  -Wl,-soname,libgreenpatch-web.so -Wl,-z,now,-z,relro,-z,noexecstack -Wl,--no-undefined \
	  -L$(B) -lgreenpatch-core $(web_libs)

$(B)/libgreenpatch-web.a: $(web_obj)
	@rm -f $@ && ar rcs $@ $^

$(B)/greenpatch-web.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' 'includedir=$${prefix}/include' '' \
	  'Name: greenpatch-web' 'Description: servers for greenpatch: HTTP, WebSocket, TLS, ZeroMQ' 'Version: $(VERSION)' \
	  'Requires: greenpatch' 'Requires.private: libssl libcrypto libzmq libcjson' \
	  'Libs: -L$${libdir} -lgreenpatch-web' 'Libs.private: -lhttp_parser -lwslay' 'Cflags: -I$${includedir}' >$@

# Programs that link it: the twins of the tutorial's real-world part, and the programs of tests/web.
web_twins := $(addprefix $(B)/tutorial/,$(foreach n,29 31 32 33 34 35,$(patsubst tests/tutorial/%.c,%,$(wildcard tests/tutorial/$(n)_*.c))))
web_apps  := $(patsubst tests/web/%.c,$(B)/web/%,$(wildcard tests/web/*.c))
examples  := $(patsubst tests/examples/%.c,$(B)/examples/%,$(wildcard tests/examples/*.c))
web_units := $(patsubst tests/web/unit/%.c,$(B)/web/unit/%,$(wildcard tests/web/unit/*.c))

$(web_twins): $(B)/tutorial/%: tests/tutorial/%.c $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a $(web_libs) -pthread
$(B)/examples/%: tests/examples/%.c $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a $(web_libs) -pthread
$(B)/web/%: tests/web/%.c $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a $(web_libs) -pthread
$(B)/web/unit/%: tests/web/unit/%.c $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a tests/unit/unit.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -I. -Itests/unit -o $@ $< $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a $(web_libs) -pthread
web_asan_obj := $(web_src:%.c=$(B)/asan/obj/%.o)
$(B)/asan/web/%: tests/web/unit/%.c $(web_asan_obj) $(B)/asan/core.a tests/unit/unit.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(filter-out -O2,$(GUEST_FLAGS)) $(asan_flags) -Wno-unused-parameter -Iinclude -I. -Itests/unit -o $@ $< $(web_asan_obj) $(B)/asan/core.a $(web_libs)
$(B)/asan/web/serve: tests/web/serve.c $(web_asan_obj) $(B)/asan/core.a
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(filter-out -O2,$(GUEST_FLAGS)) $(asan_flags) -Wno-unused-parameter -Iinclude -o $@ $< $(web_asan_obj) $(B)/asan/core.a $(web_libs)
examples: $(examples)
web-apps: $(web_apps) $(web_units) $(examples)
.PHONY: examples web-apps
