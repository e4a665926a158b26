/* insn.c - which places in a program's text are taken for patchable, and how. Compiled from the shim's own file. */
#include "unit.h"
#include <link.h>
#include "preload/trap/insn.c"

/* Code, the offset of the syscall in it, the trapped number; the form, and the bytes of head or tail. */
struct sample {
	const char *text;
	const char *code;
	size_t size, site;
	long nr;
	enum gp_form form;
	size_t bytes;
};

static const char *form_name(enum gp_form f)
{
	static const char *const names[] = { "none", "mov", "tail", "loop" };

	return f < gp__count(names) ? names[f] : "another";
}

static void look(const struct sample *s)
{
	/* A copy of exactly its size, so that a tool sees what is read beyond. */
	uint8_t *copy = malloc(s->size);
	struct gp_insn came;

	NEED(copy);
	memcpy(copy, s->code, s->size);
	came = gp__insn_form(copy + s->site, s->site, s->size - s->site, s->nr);
	if (came.form != s->form)
		unit_fail(__FILE__, __LINE__, "%s: expected %s, came %s", s->text, form_name(s->form),
		          form_name(came.form));
	EXPECT_INT(came.head, s->form == GP__FORM_MOV || s->form == GP__FORM_LOOP ? s->bytes : 0);
	EXPECT_INT(came.tail, s->form == GP__FORM_TAIL ? s->bytes : 0);
	free(copy);
}

#define CODE(text, code, site, nr, form, bytes)                               \
	{                                                                     \
		text, code, sizeof code - 1, site, nr, GP__FORM_##form, bytes \
	}

static void look_at(const struct sample *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		look(&s[i]);
}

CASE("mov $nr,%eax; syscall is patched at the mov")
{
	static const struct sample s[] = {
		CODE("getpid", "\xc3\xb8\x27\0\0\0\x0f\x05\xc3\x90", 6, 39, MOV, 0),
		CODE("a large number", "\x90\xb8\xb7\x01\0\0\x0f\x05\xc3\x90", 6, 439, MOV, 0),
		CODE("after a two-byte instruction", "\x31\xff\xb8\x3c\0\0\0\x0f\x05\xf4\x90", 7, 60, MOV, 0),
		CODE("the tail does not matter", "\xc3\xb8\x27\0\0\0\x0f\x05\x50\x50\x50", 6, 39, MOV, 0),
		CODE("two bytes behind", "\xc3\xb8\x27\0\0\0\x0f\x05\xc3\xc3", 6, 39, MOV, 0),
	};

	look_at(s, gp__count(s));
}

CASE("a few movable instructions may stand between the mov and the syscall")
{
	static const struct sample s[] = {
		CODE("xor %edi,%edi", "\xc3\xb8\x27\0\0\0\x31\xff\x0f\x05\xc3\x90", 8, 39, MOV, 2),
		CODE("mov %rcx,%r10", "\xc3\xb8\x27\0\0\0\x49\x89\xca\x0f\x05\xc3\x90", 9, 39, MOV, 3),
		CODE("mov $8,%r10d", "\xc3\xb8\x0e\0\0\0\x41\xba\x08\0\0\0\x0f\x05\xc3\x90", 12, 14, MOV, 6),
		CODE("lea x(%rip),%rsi", "\xc3\xb8\x27\0\0\0\x48\x8d\x35\x10\0\0\0\x0f\x05\xc3\x90", 13, 39, MOV, 7),
		CODE("lea 8(%rsp),%rsi", "\xc3\xb8\x27\0\0\0\x48\x8d\x74\x24\x08\x0f\x05\xc3\x90", 11, 39, MOV, 5),
		CODE("16 bytes", "\xc3\xb8\x27\0\0\0\xbf\1\0\0\0\xbe\2\0\0\0\x31\xd2\x45\x31\xc0\x90\x0f\x05\xc3\x90",
		     22, 39, NONE, 0),
		CODE("16 movable bytes",
		     "\xc3\xb8\x27\0\0\0\xbf\1\0\0\0\xbe\2\0\0\0\x45\x31\xc0\x45\x31\xd2\x0f\x05\xc3\x90", 22, 39, MOV,
		     16),
		CODE("17 movable bytes",
		     "\xc3\xb8\x27\0\0\0\xbf\1\0\0\0\xbe\2\0\0\0\xba\3\0\0\0\x31\xf6\x0f\x05\xc3\x90", 23, 39, NONE, 0),
		CODE("a jump between", "\xc3\xb8\x27\0\0\0\x74\x02\x31\xff\x0f\x05\xc3\x90", 10, 39, NONE, 0),
		CODE("a call between", "\xc3\xb8\x27\0\0\0\xe8\0\0\0\0\x0f\x05\xc3\x90", 11, 39, NONE, 0),
		CODE("an instruction that goes on into the syscall", "\xc3\xb8\x27\0\0\0\x48\x3d\0\0\x0f\x05\xc3\x90",
		     10, 39, NONE, 0),
		CODE("the nearer mov counts", "\xc3\xb8\x27\0\0\0\xb8\x27\0\0\0\x0f\x05\xc3\x90", 11, 39, MOV, 0),
	};

	look_at(s, gp__count(s));
}

CASE("a loop around a call that does not return is patched at its head")
{
	static const struct sample s[] = {
		CODE("mov %ebx,%edi; mov %edx,%eax", "\x90\x89\xdf\x89\xd0\x0f\x05\xeb\xf8", 5, 60, LOOP, 4),
		CODE("three bytes", "\x90\x48\x89\xd0\x0f\x05\xeb\xf9", 4, 60, LOOP, 3),
		CODE("two bytes", "\x90\x90\x89\xd0\x0f\x05\xeb\xfa", 4, 60, NONE, 0),
		CODE("to the syscall itself", "\x90\x90\x89\xd0\x0f\x05\xeb\xfc", 4, 60, NONE, 0),
		CODE("forward", "\x90\x48\x89\xd0\x0f\x05\xeb\x08", 4, 60, NONE, 0),
		CODE("with a push in it", "\x90\x50\x89\xd0\x0f\x05\xeb\xf9", 4, 60, NONE, 0),
		CODE("from before what may be read", "\x48\x89\xd0\x0f\x05\xeb\xf8", 3, 60, NONE, 0),
		CODE("farther than 16 bytes", "\xb8\1\0\0\0\xbf\1\0\0\0\xbe\1\0\0\0\x31\xd2\x0f\x05\xeb\xeb", 17, 60,
		     NONE, 0),
	};

	look_at(s, gp__count(s));
}

CASE("a mov of another number, to another register, or cut off is no mov form")
{
	static const struct sample s[] = {
		CODE("another number", "\xc3\xb8\x28\0\0\0\x0f\x05\xc3\x90", 6, 39, NONE, 0),
		CODE("only its low byte is right", "\xc3\xb8\x27\0\x01\0\x0f\x05\xc3\x90", 6, 39, NONE, 0),
		CODE("mov $nr,%ecx", "\xc3\xb9\x27\0\0\0\x0f\x05\xc3\x90", 6, 39, NONE, 0),
		CODE("mov $nr,%r8d: a prefix before it", "\x41\xb8\x27\0\0\0\x0f\x05\xc3\x90", 6, 39, NONE, 0),
		CODE("movabs: its number is the upper half", "\x48\xb8\0\0\0\0\x27\0\0\0\x0f\x05\xc3\x90", 10, 39, NONE,
		     0),
		CODE("movl $nr,-0x48(%rbp)", "\xc7\x45\xb8\x27\0\0\0\x0f\x05\xc3\x90", 7, 39, NONE, 0),
		CODE("too near to the first readable byte", "\xb8\x27\0\0\0\x0f\x05\xc3\x90", 5, 39, NONE, 0),
		CODE("no byte before", "\x0f\x05\xc3\x90\x90", 0, 39, NONE, 0),
	};

	look_at(s, gp__count(s));
}

CASE("a prefixed mov with a movable tail is patched at the tail")
{
	static const struct sample s[] = {
		CODE("mov $nr,%r8d", "\x41\xb8\x27\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73", 6, 39, TAIL, 6),
		CODE("mov $nr,%rax", "\x48\xc7\xc0\x27\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73", 7, 39, TAIL, 6),
		CODE("another number", "\xc3\xb8\x28\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73", 6, 39, TAIL, 6),
	};

	look_at(s, gp__count(s));
}

CASE("__restore_rt keeps its bytes")
{
	static const struct sample s[] = {
		CODE("as glibc has it", "\x48\xc7\xc0\x0f\0\0\0\x0f\x05\x0f\x1f\x80\0\0\0\0", 7, 15, NONE, 0),
		CODE("with a tail that could be moved", "\x48\xc7\xc0\x0f\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff", 7, 15,
		     NONE, 0),
		CODE("whatever number it was trapped with", "\x48\xc7\xc0\x0f\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff", 7,
		     39, NONE, 0),
		CODE("with code before it", "\x90\x90\x48\xc7\xc0\x0f\0\0\0\x0f\x05\x48\x85\xc0\x90", 9, 15, NONE, 0),
	};

	look_at(s, gp__count(s));
}

CASE("a tail of whole movable instructions, three bytes or more, is moved")
{
	static const struct sample s[] = {
		CODE("cmp $-4095,%rax", "\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73\x01", 0, 0, TAIL, 6),
		CODE("cmp $-4096,%eax", "\x0f\x05\x3d\0\xf0\xff\xff\x77\x01", 0, 0, TAIL, 5),
		CODE("test %rax,%rax", "\x0f\x05\x48\x85\xc0\x78\x01", 0, 0, TAIL, 3),
		CODE("cmp $-1,%rax", "\x0f\x05\x48\x83\xf8\xff\x74\x01", 0, 0, TAIL, 4),
		CODE("cmp $imm32,%rdx", "\x0f\x05\x48\x81\xfa\0\x01\0\0\x74", 0, 0, TAIL, 7),
		CODE("mov %rax,%rdx", "\x0f\x05\x48\x89\xc2\xc3", 0, 0, TAIL, 3),
		CODE("two of two bytes", "\x0f\x05\x85\xc0\x89\xc2\xc3", 0, 0, TAIL, 4),
		CODE("two bytes, then six", "\x0f\x05\x89\xc3\x48\x3d\x01\xf0\xff\xff\x77", 0, 0, TAIL, 8),
		CODE("movslq %eax,%rdx", "\x0f\x05\x48\x63\xd0\xc3", 0, 0, TAIL, 3),
		CODE("mov 8(%rsp),%rdx", "\x0f\x05\x48\x8b\x54\x24\x08\xc3", 0, 0, TAIL, 5),
		CODE("mov %rax,8(%rdi)", "\x0f\x05\x48\x89\x47\x08\xc3", 0, 0, TAIL, 4),
		CODE("mov %eax,8(%rdi)", "\x0f\x05\x89\x47\x08\xc3", 0, 0, TAIL, 3),
		CODE("mov %rax,-8(%rbp)", "\x0f\x05\x48\x89\x45\xf8\xc3", 0, 0, TAIL, 4),
		CODE("xor %edx,%edx, then test", "\x0f\x05\x31\xd2\x48\x85\xc0\x75", 0, 0, TAIL, 5),
	};

	look_at(s, gp__count(s));
}

CASE("a tail that is short, unknown or depends on its place stays on the trap")
{
	static const struct sample s[] = {
		CODE("ret", "\x0f\x05\xc3\x90\x90\x90\x90\x90", 0, 0, NONE, 0),
		CODE("two bytes, then ret", "\x0f\x05\x85\xc0\xc3\x90\x90\x90", 0, 0, NONE, 0),
		CODE("jump", "\x0f\x05\xeb\x10\x90\x90\x90\x90", 0, 0, NONE, 0),
		CODE("test, then jump: only two bytes", "\x0f\x05\x85\xc0\x78\x10\x90\x90", 0, 0, NONE, 0),
		CODE("call", "\x0f\x05\xe8\0\0\0\0\x90", 0, 0, NONE, 0),
		CODE("mov %rax,x(%rip)", "\x0f\x05\x48\x89\x05\0\0\0\0\xc3", 0, 0, NONE, 0),
		CODE("mov x(%rip),%rax", "\x0f\x05\x48\x8b\x05\0\0\0\0\xc3", 0, 0, NONE, 0),
		CODE("cmpl $0,x(%rip)", "\x0f\x05\x83\x3d\0\0\0\0\0\xc3", 0, 0, NONE, 0),
		CODE("cmp %rax,x(%rip)", "\x0f\x05\x48\x39\x05\0\0\0\0\xc3", 0, 0, NONE, 0),
		CODE("push", "\x0f\x05\x50\x90\x90\x90\x90\x90", 0, 0, NONE, 0),
		CODE("nop of several bytes", "\x0f\x05\x0f\x1f\x40\0\x90\x90", 0, 0, NONE, 0),
		CODE("an operand-size prefix", "\x0f\x05\x66\x3d\x01\xf0\x90\x90", 0, 0, NONE, 0),
		CODE("mov through an index", "\x0f\x05\x48\x89\x44\x08\x08\xc3", 0, 0, NONE, 0),
		CODE("mov without displacement", "\x0f\x05\x48\x89\x07\xc3\x90\x90", 0, 0, NONE, 0),
		CODE("mov with 32 bits of displacement", "\x0f\x05\x48\x89\x87\0\x01\0\0\xc3", 0, 0, NONE, 0),
	};

	look_at(s, gp__count(s));
}

CASE("nothing is read beyond the end of the text")
{
	static const struct sample s[] = {
		CODE("one byte of a syscall", "\x0f", 0, 0, NONE, 0),
		CODE("nothing behind it", "\x0f\x05", 0, 0, NONE, 0),
		CODE("a prefix behind it", "\x0f\x05\x48", 0, 0, NONE, 0),
		CODE("an opcode without operands", "\x0f\x05\x48\x3d", 0, 0, NONE, 0),
		CODE("a comparison that lacks one byte", "\x0f\x05\x48\x3d\x01\xf0\xff", 0, 0, NONE, 0),
		CODE("test that lacks one byte", "\x0f\x05\x48\x85", 0, 0, NONE, 0),
		CODE("cmp $imm8 that lacks one byte", "\x0f\x05\x48\x83\xf8", 0, 0, NONE, 0),
		CODE("cmp $imm32 that lacks one byte", "\x0f\x05\x48\x81\xfa\0\x01\0", 0, 0, NONE, 0),
		CODE("mov 8(%rsp),%rdx that lacks its displacement", "\x0f\x05\x48\x8b\x54\x24", 0, 0, NONE, 0),
		CODE("mov %rax,8(%rdi) that lacks its displacement", "\x0f\x05\x48\x89\x47", 0, 0, NONE, 0),
		CODE("a whole comparison and the end", "\x0f\x05\x48\x3d\x01\xf0\xff\xff", 0, 0, TAIL, 6),
		CODE("a whole test and the end", "\x0f\x05\x48\x85\xc0", 0, 0, TAIL, 3),
	};

	look_at(s, gp__count(s));
}

CASE("what is no syscall instruction is nothing")
{
	static const struct sample s[] = {
		CODE("sysenter", "\xc3\xb8\x27\0\0\0\x0f\x34\xc3", 6, 39, NONE, 0),
		CODE("int $0x80", "\xc3\xb8\x27\0\0\0\xcd\x80\xc3", 6, 39, NONE, 0),
	};

	look_at(s, gp__count(s));
}

CASE("at the edges of a page that ends in nothing")
{
	uint8_t *page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const uint8_t code[] = { 0x90, 0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0x48, 0x3d, 1, 0xf0, 0xff, 0xff };

	NEED(page != MAP_FAILED);
	page += 4096;
	NEED(!mprotect(page, 4096, PROT_READ | PROT_WRITE));
	for (size_t cut = 0; cut < 6; cut++) {
		memset(page, 0x90, 4096);
		/* As much of it as fits at the end. */
		memcpy(page + 4096 - sizeof code + cut, code, sizeof code - cut);
		EXPECT_INT(gp__insn_form(page + 4096 - 8 + cut, 4088 + cut, 8 - cut, 39).form,
		           cut < 5 ? GP__FORM_MOV : GP__FORM_NONE);
		EXPECT_INT(gp__insn_form(page + 4096 - 8 + cut, 4088 + cut, 8 - cut, 38).form,
		           cut ? GP__FORM_NONE : GP__FORM_TAIL);
	}
	for (size_t before = 0; before < 8; before++) {
		memset(page, 0x90, 4096);
		memcpy(page, code + 6 - gp__min(before, 6UL), sizeof code - 6 + gp__min(before, 6UL));
		EXPECT_INT(gp__insn_form(page + gp__min(before, 6UL), gp__min(before, 6UL), 4096 - 6, 39).form,
		           before >= 6 ? GP__FORM_MOV : GP__FORM_TAIL);
	}
}

/* ---- moving -------------------------------------------------------------------------- */

CASE("moved instructions are copied; an address relative to them is adjusted")
{
	/* mov %rcx,%r10; lea 0x10(%rip),%rsi; xor %edi,%edi */
	static const uint8_t code[] = { 0x49, 0x89, 0xca, 0x48, 0x8d, 0x35, 0x10, 0, 0, 0, 0x31, 0xff };
	uint8_t *page = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *places[2] = { page + 7, page + 12000 };

	NEED(page != MAP_FAILED);
	for (int i = 0; i < 2; i++) { /* upwards, then downwards */
		uint8_t *from = places[i], *to = places[!i];
		int32_t disp;

		memcpy(from, code, sizeof code);
		memset(to, 0xcc, 32);
		EXPECT(gp__insn_move(to, from, sizeof code));
		EXPECT(!memcmp(to, code, 6));
		memcpy(&disp, to + 6, 4);
		EXPECT_INT((intptr_t)(to + 10 + disp), (intptr_t)(from + 10 + 0x10));
		EXPECT_INT(to[10], 0x31);
		EXPECT_INT(to[11], 0xff);
		EXPECT_INT(to[12], 0xcc);
	}
}

CASE("an address that is too far from the new place is told")
{
	static const uint8_t code[] = { 0x48, 0x8d, 0x35, 0xf0, 0xff, 0xff, 0x7f };
	uint8_t to[16],
		*far = mmap((void *)0x100000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(far != MAP_FAILED);
	memcpy(far, code, sizeof code);
	EXPECT(!gp__insn_move(to, far, sizeof code));
	memcpy(far + 16, code, sizeof code);
	EXPECT(!gp__insn_move(far, far + 16, sizeof code)); /* 16 bytes beyond what 32 bits hold */
}

CASE("where instructions start is told for what is known; else it is taken for a start")
{
	/* syscall; cmp $-4095,%rax; jae; the rest is not known */
	static const uint8_t code[40] = { 0x0f, 0x05, 0x48, 0x3d, 1, 0xf0, 0xff, 0xff, 0x73, 1, 0xc3 };
	static const bool starts[] = { true, false, true, false, false, false, false, false, true, true, true };

	for (size_t i = 0; i < gp__count(starts); i++)
		if (gp__insn_starts(code, i, sizeof code) != starts[i])
			unit_fail(__FILE__, __LINE__, "offset %zu: expected %d", i, starts[i]);
	EXPECT(gp__insn_starts(code, 4, 3)); /* cut off in the middle of the cmp: not known */
}

/* ---- a real library --------------------------------------------------------------------- */

static int forms[4];

static int count_sites(struct dl_phdr_info *info, size_t size, void *arg)
{
	if (!strstr(info->dlpi_name, "libc.so.6"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const uint8_t *low = (const uint8_t *)(info->dlpi_addr + ph->p_vaddr), *high = low + ph->p_memsz;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		for (const uint8_t *p = low; p < high - 2; p++)
			if (p[0] == 0x0f && p[1] == 0x05) {
				long nr = p - low >= 5 && p[-5] == 0xb8 ? (long)word(p - 4) : -1;

				forms[gp__insn_form(p, (size_t)(p - low), (size_t)(high - p), nr).form]++;
			}
	}
	return 1;
}

CASE("most of libc's own sites are recognised")
{
	int all;

	dl_iterate_phdr(count_sites, NULL);
	all = forms[0] + forms[1] + forms[2] + forms[3];
	printf("# libc.so.6: mov %d, tail %d, loop %d, left on the trap %d\n", forms[GP__FORM_MOV],
	       forms[GP__FORM_TAIL], forms[GP__FORM_LOOP], forms[GP__FORM_NONE]);
	if (all < 300)
		unit_skip("no glibc with system calls of its own here");
	EXPECT(forms[GP__FORM_MOV] > 250);
	EXPECT(forms[GP__FORM_NONE] * 10 < all);
}
