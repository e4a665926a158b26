/* Code that makes system calls is mapped from a file, called, moved, changed, replaced by other code at the same place,
 * and unmapped: ten thousand times, without growth. */
#include "guest.h"
#include <sys/mman.h>

/* xor %eax,%eax ... or mov $nr,%eax; syscall; add $n,%eax; ret. The kernel's answer is the process id. */
static const unsigned char code[] = { 0xb8, SYS_getppid, 0, 0, 0, 0x0f, 0x05, 0x05, 0, 0, 0, 0, 0xc3 };
#define SIZE  8192
#define AT    64 /* of the code in the file */
#define ADDED 8  /* of the number that it adds */

static int file_with(int added)
{
	unsigned char text[SIZE];
	char name[] = "/tmp/text_moves.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	memset(text, 0x90, sizeof text);
	memcpy(text + AT, code, sizeof code);
	memcpy(text + AT + ADDED, &added, sizeof added);
	if (fd < 0 || write(fd, text, sizeof text) != sizeof text)
		guest_die("a file for code");
	return fd;
}

static char *map(int fd, void *where)
{
	char *p = mmap(where, SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | (where ? MAP_FIXED : 0), fd, 0);

	if (p == MAP_FAILED)
		guest_die("mmap");
	return p;
}

/* Several times, so that the place is known well. */
static int call(char *p)
{
	int r = 0;

	for (int i = 0; i < 6; i++)
		r = ((int (*)(void))(p + AT))();
	return r - getppid();
}

/* KiB that are the program's alone. */
static long resident(void)
{
	long pages = 0, resident = 0, files = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld %ld", &pages, &resident, &files) != 3)
		guest_die("statm");
	fclose(f);
	return (resident - files) * 4;
}

static long mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	long n = 0;

	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

int main(void)
{
	int one = file_with(1), two = file_with(2), seven = 7;
	char *p = map(one, NULL), *q;
	long before = 0, maps = 0;

	CHECK_INT(call(p), 1);
	map(two, p); /* over it */
	CHECK_INT(call(p), 2);

	q = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q); /* elsewhere */
	CHECK_INT(call(q), 2);
	CHECK(mmap(p, SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, one, 0) == p);
	CHECK_INT(call(p), 1);
	CHECK_INT(call(q), 2);

	CHECK_INT(mprotect(p, SIZE, PROT_READ | PROT_WRITE), 0); /* changed */
	memcpy(p + AT, code, sizeof code);
	memcpy(p + AT + ADDED, &seven, sizeof seven);
	CHECK_INT(mprotect(p, SIZE, PROT_READ | PROT_EXEC), 0);
	CHECK_INT(call(p), 7);
	munmap(p, SIZE);
	munmap(q, SIZE);

	for (int i = 0; i < 10000; i++) {
		p = map(i & 1 ? one : two, NULL);
		if (call(p) != (i & 1 ? 1 : 2)) {
			CHECK_INT(call(p), i & 1 ? 1 : 2);
			break;
		}
		munmap(p, SIZE);
		if (i == 2000) {
			before = resident();
			maps = mappings();
		}
	}
	if (resident() - before > 256)
		CHECK_INT(resident() - before, 0);
	if (mappings() - maps > 2)
		CHECK_INT(mappings() - maps, 0);
	return guest_done();
}
