# greenpatch: everything is built into build/, nothing outside it.
#
#   make            the shim, the core library and greenpatch.pc
#   make check      scripts/check: every test
#   make bench      ratios against native, gevent and others, see scripts/bench, bench-core and bench-web
#   make install    PREFIX=/usr/local DESTDIR=

VERSION := 0.1.0
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=

CC      ?= gcc
CXX     ?= g++
B       := build
WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wno-unused-parameter
BASE    := -std=gnu11 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -fno-semantic-interposition -fno-strict-aliasing $(WARN) \
           -DGP_VERSION='"$(VERSION)"' -Iinclude -I. $(EXTRA)

# The shim runs on the program's stacks, between the program's instructions:
# no vector registers, no stack protector (its canary lies in a TLS that
# changes with every greenlet), no call into libc.
SHIM    := $(BASE) -DGP_SHIM -mgeneral-regs-only -fno-stack-protector \
           -ffreestanding -fno-tree-loop-distribute-patterns -fomit-frame-pointer \
           -fasynchronous-unwind-tables -fcf-protection=none -mfsgsbase
# Both links of a list put together in a vector register and stored as one cost more than two stores.
CORE    := $(BASE) -mfsgsbase -fno-tree-slp-vectorize

core_src    := $(wildcard core/*.c core/run/*.c core/sync/*.c)
core_asm    := $(wildcard core/*.S core/run/*.S)
preload_src := $(wildcard preload/*.c preload/trap/*.c preload/calls/*.c)
preload_asm := $(wildcard preload/trap/*.S)

core_obj := $(core_src:%.c=$(B)/obj/core/%.o) $(core_asm:%.S=$(B)/obj/core/%.o)
shim_obj := $(core_src:%.c=$(B)/obj/shim/%.o) $(core_asm:%.S=$(B)/obj/shim/%.o) \
            $(preload_src:%.c=$(B)/obj/shim/%.o) $(preload_asm:%.S=$(B)/obj/shim/%.o)

guests  := $(patsubst tests/guest/%.c,$(B)/guest/%,$(wildcard tests/guest/*.c)) \
           $(patsubst tests/guest/%.cpp,$(B)/guest/%,$(wildcard tests/guest/*.cpp))
benches := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
apps    := $(patsubst tests/apps/%.c,$(B)/app/%,$(wildcard tests/apps/*.c))
tutorial := $(patsubst tests/tutorial/%.c,$(B)/tutorial/%,$(wildcard tests/tutorial/*.c))
# Tests whose system calls fail work with ASan's build of the core only (tests/unit/unit.mk).
faults  := fault_calls fault_kills fault_programs fault_start
units   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(filter-out $(faults:%=tests/unit/%.c),$(wildcard tests/unit/*.c)))

.PHONY: FORCE all guests apps benches units tutorial check check-units asan valgrind bench lint install clean
all: $(B)/libgreenpatch.so $(B)/libgreenpatch-core.a $(B)/libgreenpatch-core.so $(B)/greenpatch.pc $(B)/greenpatch-patch.pc $(B)/greenpatch.1
include core/web/web.mk

# The shim has core's names and its own. Behind each lies a stub (trap/api.S),
# and core's function is gp__do_<name>.
$(B)/api/exports.map: core/exports.map preload/exports.map
	@mkdir -p $(@D)
	@awk '/^[ \t]*gp_[a-z0-9_]*;/ { print $$1 }' $^ | sort | awk 'BEGIN { print "{ global:" } { print } END { print "local: *; };" }' >$@
$(B)/api/api.sym: $(B)/api/exports.map
	@awk '/^gp_/ { sub(";", ""); print $$1, "gp__do_" $$1 }' $< >$@
$(B)/api/api_names.inc: $(B)/api/exports.map
	@awk '/^gp_/ { sub(";", ""); print "entry", $$1 }' $< >$@

$(B)/libgreenpatch.so: $(shim_obj) $(B)/ev.o $(B)/api/exports.map
	@$(CC) -shared -nostdlib -o $@ $(shim_obj) $(B)/ev.o -Wl,--version-script=$(B)/api/exports.map \
	  -Wl,-soname,libgreenpatch.so -Wl,-z,now,-z,relro,-z,initfirst,-z,nodelete,-z,noexecstack \
	  -Wl,-z,defs,-Bsymbolic -Wl,--no-undefined -lc

$(B)/libgreenpatch-core.so: $(core_obj) $(B)/ev.o core/exports.map
	@$(CC) -shared -o $@ $(core_obj) $(B)/ev.o -Wl,--version-script=core/exports.map \
	  -Wl,-soname,libgreenpatch-core.so -Wl,-z,now,-z,relro,-z,noexecstack -Wl,--no-undefined

$(B)/libgreenpatch-core.a: $(core_obj) $(B)/ev.o
	@rm -f $@ && ar rcs $@ $^

# The prefix is part of them, so they are made each time.
$(B)/greenpatch.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' 'includedir=$${prefix}/include' '' \
	  'Name: greenpatch' 'Description: greenlets over libev for C' 'Version: $(VERSION)' \
	  'Libs: -L$${libdir} -lgreenpatch-core' 'Libs.private: -pthread' 'Cflags: -I$${includedir}' >$@

# For a program that links the shim and patches itself; it lies where the
# launcher looks for it, not where the linker would.
$(B)/greenpatch-patch.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))/greenpatch' 'includedir=$${prefix}/include' '' \
	  'Name: greenpatch-patch' 'Description: blocking calls become cooperative' 'Version: $(VERSION)' \
	  'Libs: -L$${libdir} -Wl,-rpath,$${libdir} -lgreenpatch' 'Cflags: -I$${includedir}' >$@

# The lists of the manual are those of --help: "  --option  text", and for each
# variable "  NAME  help" with a second line that says what is accepted.
$(B)/greenpatch.1: scripts/greenpatch.1 scripts/greenpatch $(B)/libgreenpatch.so
	@scripts/greenpatch --help >$(B)/help.txt
	@awk -v version=$(VERSION) 'function item(head, text) { gsub(/-/, "\\-", head); gsub(/-/, "\\-", text); \
	    print ".TP"; print ".B " head; print text } \
	  NR == FNR { if (match($$0, /^  --[a-z]*(=[A-Z]*)? +/)) option[++n] = $$0; \
	    else if (/^  GREENPATCH_/) name[++m] = $$0; else if (/^ +accepts /) { sub(/^ +/, ""); accepts[m] = $$0 } next } \
	  /^@OPTIONS@/ { for (i = 1; i <= n; i++) { split(option[i], w, " "); t = option[i]; sub(/^ +[^ ]+ +/, "", t); item(w[1], t) } next } \
	  /^@VARIABLES@/ { for (i = 1; i <= m; i++) { split(name[i], w, " "); t = name[i]; sub(/^ +[^ ]+ +/, "", t); \
	    item(w[1], t "; " accepts[i] ".") } next } \
	  { sub(/@VERSION@/, version); print }' $(B)/help.txt $< >$@

# The manual of the public functions is what their headers say.
man_headers := $(wildcard include/greenpatch/*.h include/greenpatch/web/*.h)
$(B)/man/stamp: scripts/gen-man $(man_headers)
	@rm -rf $(@D) && mkdir -p $(@D)
	@awk -f scripts/gen-man -v out=$(@D) -v version=$(VERSION) $(man_headers) && touch $@

# Debian's libev.a with the prefix gp__lib_ on every symbol: what it asks of libc
# is answered by core/run/evlibc.c, so that it never re-enters the shim, and
# what it defines cannot meet a libev of the program's own.
LIBEV := $(shell $(CC) -print-file-name=libev.a)
$(B)/ev.o: core/run/evlibc.sym $(LIBEV)
	@mkdir -p $(B)/ev && cd $(B)/ev && ar x $(LIBEV) ev.o
	@nm -u $(B)/ev/ev.o | awk 'NR == FNR { known[$$1] = 1; next } $$2 != "_GLOBAL_OFFSET_TABLE_" && !($$2 in known) \
	  { print "core/run/evlibc.sym: libev asks for " $$2; bad = 1 } END { exit bad }' core/run/evlibc.sym -
	@objcopy --prefix-symbols=gp__lib_ $(B)/ev/ev.o $(B)/ev/prefixed.o
	@objcopy --redefine-sym gp__lib__GLOBAL_OFFSET_TABLE_=_GLOBAL_OFFSET_TABLE_ $(B)/ev/prefixed.o $@

$(B)/obj/shim/core/run/evloop.o: SHIM := $(filter-out -mgeneral-regs-only,$(SHIM))
$(B)/obj/shim/preload/trap/api.o: $(B)/api/api_names.inc
$(B)/obj/shim/%.o: %.c $(B)/api/api.sym
	@mkdir -p $(@D)
	@echo '  shim $<'; $(CC) $(SHIM) -MMD -MP -c -o $@ $< && objcopy --redefine-syms=$(B)/api/api.sym $@
$(B)/obj/shim/%.o: %.S
	@mkdir -p $(@D)
	@echo '  shim $<'; $(CC) $(SHIM) -I$(B)/api -MMD -MP -c -o $@ $<
# All code of the core lies in one section, so that a backtrace can leave it out.
$(B)/obj/core/%.o: %.c
	@mkdir -p $(@D)
	@echo '  core $<'; $(CC) $(CORE) -MMD -MP -c -o $@ $< && objcopy --rename-section .text=gp_text $@
$(B)/obj/core/%.o: %.S
	@mkdir -p $(@D)
	@echo '  core $<'; $(CC) $(CORE) -MMD -MP -c -o $@ $< && objcopy --rename-section .text=gp_text $@

GUEST_FLAGS := -O2 -g -pthread -Wall -Wextra -Werror
$(B)/guest/%: tests/guest/%.c $(wildcard tests/guest/*.h)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -o $@ $< -Wl,--as-needed -lm
$(B)/guest/%: tests/guest/%.cpp $(wildcard tests/guest/*.h)
	@mkdir -p $(@D)
	@$(CXX) -std=c++20 $(GUEST_FLAGS) -o $@ $<
$(B)/bench/%: tests/bench/%.c $(wildcard tests/bench/*.h)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -o $@ $<
$(B)/bench/core_%: tests/bench/core_%.c $(B)/libgreenpatch-core.a $(wildcard tests/bench/*.h include/*.h include/*/*.h)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< $(B)/libgreenpatch-core.a -pthread
$(B)/unit/%: tests/unit/%.c $(B)/libgreenpatch-core.a $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Iinclude -I. -o $@ $< $(B)/libgreenpatch-core.a -pthread

$(B)/tutorial/%: tests/tutorial/%.c $(B)/libgreenpatch-core.a $(wildcard tests/tutorial/*.h include/*.h include/*/*.h)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< $(B)/libgreenpatch-core.a -pthread

$(B)/tutorial/13_monkey_patch: tests/tutorial/13_monkey_patch.c $(B)/libgreenpatch.so $(wildcard include/*.h include/*/*.h)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< -L$(B) -lgreenpatch '-Wl,-rpath,$$ORIGIN/..'

# Programs that link the shim and patch themselves. Those that do not are in apps.mk.
$(B)/app/patch_%: tests/apps/patch_%.c tests/apps/patch.h $(B)/libgreenpatch.so
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(GUEST_FLAGS) -Wno-unused-parameter -Iinclude -o $@ $< -L$(B) -lgreenpatch '-Wl,-rpath,$$ORIGIN/..'

# Their switches are traced (tests/determinism.bats): with the real clock those that wait for no time and for no peer, and
# a pool at work; with a simulated one the others.
twin_names = $(foreach n,$(1),$(patsubst tests/tutorial/%.c,%,$(wildcard tests/tutorial/$(n)_*.c)))
traced     := $(addprefix $(B)/trace/,$(call twin_names,01 08 16 18 20 23 24 28) pool_work)
simulated  := $(addprefix $(B)/trace/simulated/,$(call twin_names,02 03 04 05 06 07 09 10 11 12 14 15 17 19 21 22 25 30))
simulated_web := $(addprefix $(B)/trace/simulated/,$(call twin_names,31 32 33 34 35))
trace_build    = mkdir -p $(@D) && $(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -mfsgsbase -Iinclude -I. -o $@ $< tests/trace/trace.c
trace_needs   := tests/trace/trace.c tests/trace/clock.c $(B)/libgreenpatch-core.a $(wildcard tests/tutorial/*.h include/*.h include/*/*.h)
$(B)/trace/%: tests/tutorial/%.c $(trace_needs)
	@$(trace_build) $(B)/libgreenpatch-core.a -pthread
$(B)/trace/%: tests/trace/%.c $(trace_needs)
	@$(trace_build) $(B)/libgreenpatch-core.a -pthread
$(simulated): $(B)/trace/simulated/%: tests/tutorial/%.c $(trace_needs)
	@$(trace_build) tests/trace/clock.c $(B)/libgreenpatch-core.a -pthread
$(simulated_web): $(B)/trace/simulated/%: tests/tutorial/%.c $(trace_needs) $(B)/libgreenpatch-web.a
	@$(trace_build) tests/trace/clock.c $(B)/libgreenpatch-web.a $(B)/libgreenpatch-core.a $(web_libs) -pthread

guests: $(guests)
apps: $(apps)
benches: $(benches)
units: $(units)
# The examples of the gevent tutorial; those that a program adapted to patching is the point of link the shim.
tutorial: $(tutorial) $(traced) $(simulated) $(if $(strip $(web_missing)),,$(simulated_web))

include tests/unit/unit.mk
include tests/apps/apps.mk
include tests/random/random.mk

check:
	scripts/check
bench: all benches
	scripts/bench
	scripts/bench-core
	scripts/bench-web || [ $$? = 77 ]
lint:
	scripts/lint

install: all $(B)/man/stamp
	install -d $(DESTDIR)$(LIBDIR)/greenpatch $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include
	install -m 755 $(B)/libgreenpatch.so $(DESTDIR)$(LIBDIR)/greenpatch/
	install -m 755 $(B)/libgreenpatch-core.so $(DESTDIR)$(LIBDIR)/
	install -m 644 $(B)/libgreenpatch-core.a $(DESTDIR)$(LIBDIR)/
	install -m 644 $(B)/greenpatch.pc $(B)/greenpatch-patch.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	sed 's|^LIBDIR=.*|LIBDIR=$(LIBDIR)/greenpatch|' scripts/greenpatch >$(B)/greenpatch.installed
	install -m 755 $(B)/greenpatch.installed $(DESTDIR)$(PREFIX)/bin/greenpatch
	install -d $(DESTDIR)$(PREFIX)/share/greenpatch
	install -m 644 scripts/greenpatch-gdb.py $(DESTDIR)$(PREFIX)/share/greenpatch/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(B)/greenpatch.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -d $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 $(B)/man/*.3 $(DESTDIR)$(PREFIX)/share/man/man3/
	cp -r include/. $(DESTDIR)$(PREFIX)/include/

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
