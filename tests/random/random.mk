# Programs made from a number (scripts/compare-random, tests/random.bats).
.PHONY: random
random: $(B)/random/program $(B)/random/calls
$(B)/random/program: $(filter-out tests/random/calls.c,$(wildcard tests/random/*.c)) tests/random/random.h tests/guest/guest.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -o $@ $(filter %.c,$^)
$(B)/random/calls: tests/random/calls.c tests/guest/guest.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(GUEST_FLAGS) -Wno-unused-parameter -o $@ $<
