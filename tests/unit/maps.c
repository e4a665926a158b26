/* maps.c - what /proc/self/maps says of an address, compared with what this program knows of its own mappings.
 * Compiled from the shim's own file. */
#include "unit.h"
#include "preload/trap/maps.c"

static struct gp_map all[2000];
static int count;

static bool note(const struct gp_map *m, void *arg)
{
	NEED(count < 2000);
	all[count++] = *m;
	return true;
}

static bool stop_at_third(const struct gp_map *m, void *arg)
{
	return ++*(int *)arg < 3;
}

CASE("every mapping is told, in order, as libc's own reading of the file has it")
{
	FILE *f;
	char line[5000];
	int i = 0;

	EXPECT_INT(gp__maps_each(note, NULL), 0);
	f = fopen("/proc/self/maps", "r");
	NEED(f);
	while (fgets(line, sizeof line, f)) {
		unsigned long low, high, inode;
		char mode[8], path[4000] = "";

		NEED(sscanf(line, "%lx-%lx %7s %*x %*s %lu %3999s", &low, &high, mode, &inode, path) >= 4);
		/* What reading the file itself takes may have changed the heap. */
		if (!strcmp(path, "[heap]") || i >= count || all[i].low != low || all[i].high != high)
			continue;
		EXPECT_INT(all[i].read, mode[0] == 'r');
		EXPECT_INT(all[i].write, mode[1] == 'w');
		EXPECT_INT(all[i].exec, mode[2] == 'x');
		EXPECT_INT(all[i].shared, mode[3] == 's');
		EXPECT_INT(all[i].file, inode != 0);
		i++;
	}
	fclose(f);
	EXPECT(count > 10);
	for (i = 1; i < count; i++)
		EXPECT(all[i].low >= all[i - 1].high && all[i].high > all[i].low);
}

CASE("the walk ends when it is told to")
{
	int seen = 0;

	EXPECT_INT(gp__maps_each(stop_at_third, &seen), 0);
	EXPECT_INT(seen, 3);
}

CASE("the mapping of an address: its bounds and rights")
{
	char *p = mmap(NULL, 5 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct gp_map m;

	NEED(p != MAP_FAILED);
	p += 4096;
	NEED(!mprotect(p, 2 * 4096, PROT_READ | PROT_WRITE));
	for (int at = 0; at < 2 * 4096; at += 4095) {
		EXPECT(gp__map_of((uint64_t)p + (unsigned)at, &m));
		EXPECT_INT(m.low, (uint64_t)p);
		EXPECT_INT(m.high, (uint64_t)p + 2 * 4096);
		EXPECT(m.read && m.write && !m.exec && !m.shared && !m.file);
	}
	EXPECT(gp__map_of((uint64_t)p + 2 * 4096, &m));
	EXPECT(!m.read && !m.write && !m.exec);
	NEED(!munmap(p, 4096));
	EXPECT(!gp__map_of((uint64_t)p, &m));
	EXPECT(!gp__map_of(0, &m));
	EXPECT(!gp__map_of(UINT64_MAX, &m));
}

CASE("text of a file, shared memory and anonymous memory are told apart")
{
	int shared = memfd_create("a name with spaces 0 1 2", 0);
	struct gp_map m;
	void *p;

	EXPECT(gp__map_of((uint64_t)gp__map_of, &m));
	EXPECT(m.read && m.exec && !m.write && !m.shared && m.file);
	NEED(shared >= 0 && !ftruncate(shared, 4096));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, shared, 0);
	EXPECT(gp__map_of((uint64_t)p, &m));
	EXPECT(m.read && m.shared && m.file);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, shared, 0);
	EXPECT(gp__map_of((uint64_t)p, &m));
	EXPECT(m.write && !m.shared && m.file);
}

CASE("a file whose name is long does not spoil the next line")
{
	char name[512], path[1024];
	struct gp_map m;
	int fd;
	char *p;

	memset(name, 'n', 200);
	name[200] = 0;
	snprintf(path, sizeof path, "%s/%s-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", name);
	fd = mkstemp(path);
	NEED(fd >= 0 && !unlink(path) && !ftruncate(fd, 4096));
	p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == p);
	EXPECT(gp__map_of((uint64_t)p, &m));
	EXPECT_INT(m.high - m.low, 4096);
	EXPECT(m.file && !m.write);
	EXPECT(gp__map_of((uint64_t)p + 4096, &m));
	EXPECT_INT(m.low, (uint64_t)p + 4096);
	EXPECT(!m.file && m.write);
}
