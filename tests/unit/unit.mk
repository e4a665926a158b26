# unit.mk: the unit tests plain, under ASan and UBSan, and under valgrind. Included by the Makefile. Each target prints
# TAP lines.

# Some tests compile a file of the project in.
unit_parts := $(wildcard core/*.[ch] core/run/*.[ch] core/sync/*.[ch] preload/*.[ch] preload/*.tbl preload/trap/*.[ch])
$(units): $(unit_parts)

# Its core asks before each system call whether it is to fail (core/fault.h).
asan_flags := -O1 -g -DGP_FAULT -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan_obj   := $(core_src:%.c=$(B)/asan/obj/%.o) $(core_asm:%.S=$(B)/asan/obj/%.o)
asan_units := $(patsubst tests/unit/%.c,$(B)/asan/%,$(wildcard tests/unit/*.c))

$(B)/asan/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(filter-out -O2,$(CORE)) $(asan_flags) -MMD -MP -c -o $@ $<
$(B)/asan/obj/%.o: %.S
	@mkdir -p $(@D)
	@$(CC) $(CORE) -MMD -MP -c -o $@ $<
$(B)/asan/core.a: $(asan_obj) $(B)/ev.o
	@rm -f $@ && ar rcs $@ $^
$(B)/asan/%: tests/unit/%.c $(B)/asan/core.a $(wildcard tests/unit/*.h) $(unit_parts)
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(filter-out -O2,$(GUEST_FLAGS)) $(asan_flags) -Iinclude -I. -o $@ $< $(B)/asan/core.a

check-units: units
	@tests/unit/run plain $(units)
# A make without -j builds the instrumented programs two at a time nevertheless.
asan:
	@$(MAKE) -s -j2 $(asan_units) $(web_asan)
	@tests/unit/run asan $(asan_units) $(web_asan)
valgrind: units $(web_valgrind)
	@tests/unit/run valgrind $(units) $(web_valgrind)
