/* SPDX-License-Identifier: MIT */
/*
 * mappings.c - memory that no allocator gave.
 *
 * mmap-cache: anonymous mappings of the program's own, all kept; fixed gives each back.
 * file:       a file that is mapped and read whole; fixed reads it through a buffer.
 * shared:     shared anonymous memory; fixed gives each part back.
 * reserved:   address space without memory; fixed reserves none. The live bytes are the rest.
 */
#include "cause.h"
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

enum { PARTS = 32 };

static void map_parts(long total_bytes, int kind, int fixed)
{
	size_t size = (size_t)(total_bytes / PARTS);
	for (int i = 0; i < PARTS; i++) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
		MUST(p != MAP_FAILED);
		memset(p, 1, size);
		if (fixed)
			munmap(p, size);
	}
	cause_hold_ms(100);
}

static void mmap_cache(long total_bytes, int fixed)
{
	map_parts(total_bytes, MAP_PRIVATE, fixed);
}

static void shared(long total_bytes, int fixed)
{
	map_parts(total_bytes, MAP_SHARED, fixed);
}

/* An unlinked file of total_bytes in the folder for temporary files. */
static int make_file(long total_bytes)
{
	static char bytes[64 * 1024];
	const char *folder = getenv("TMPDIR");
	char name[4096];
	snprintf(name, sizeof name, "%s/memwhy-cause.XXXXXX", folder ? folder : "/tmp");
	int fd = mkstemp(name);
	MUST(fd >= 0);
	unlink(name);
	struct statfs where;
	if (fstatfs(fd, &where) || where.f_type == TMPFS_MAGIC)
		skip("the folder for temporary files is in memory: its pages are shared memory");
	for (long at = 0; at < total_bytes; at += (long)sizeof bytes)
		MUST(write(fd, bytes, sizeof bytes) == sizeof bytes);
	return fd;
}

static void read_through(int fd, long total_bytes)
{
	static char bytes[64 * 1024];
	for (long at = 0; at < total_bytes; at += (long)sizeof bytes)
		MUST(pread(fd, bytes, sizeof bytes, at) == sizeof bytes);
}

static void read_mapped(int fd, long total_bytes)
{
	volatile char sink;
	volatile char *p = mmap(NULL, (size_t)total_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	MUST(p != MAP_FAILED);
	for (long at = 0; at < total_bytes; at += (long)PAGE)
		sink = p[at];
	(void)sink;
}

static void file(long total_bytes, int fixed)
{
	int fd = make_file(total_bytes);
	if (fixed)
		read_through(fd, total_bytes);
	else
		read_mapped(fd, total_bytes);
	cause_hold_ms(100);
	close(fd);
}

static void reserved(long total_bytes, int fixed)
{
	if (!fixed)
		MUST(mmap(NULL, (size_t)total_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
	cause_fill(NULL, 40 * MIB, 1024);
	cause_hold_ms(250);
}

/* The same from malloc: freed before a byte of it was touched. */
static void reserved_by_malloc(long total_bytes, int fixed)
{
	if (!fixed)
		free(must_not_be_null(malloc((size_t)total_bytes)));
	cause_fill(NULL, 40 * MIB, 1024);
	cause_hold_ms(250);
}

const struct cause causes_mappings[] = {
	{ "mmap-cache", mmap_cache, 64 * MIB },
	{ "file", file, 64 * MIB },
	{ "shared", shared, 64 * MIB },
	{ "reserved", reserved, 4096 * MIB },
	{ "reserved-by-malloc", reserved_by_malloc, 1024 * MIB },
	{ NULL, NULL, 0 },
};
