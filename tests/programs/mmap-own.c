/* SPDX-License-Identifier: MIT */
/*
 * mmap-own - anonymous mappings that the program makes itself: 33 MiB all touched, 16 MiB
 * half touched, 8 MiB of which the middle is unmapped, one that mremap grew and moved, one
 * given back with MADV_DONTNEED, one untouched; with 20 MiB of malloc before and after, so
 * that mappings and heap share kernel mappings.
 *
 * Model: what is touched and still mapped is program_mmap, to the page, however the kernel
 * merges it with its neighbours. Tolerance: 16 pages for anonymous memory of libc.
 */
#include "say.h"
#include <sys/mman.h>

static long expected_bytes;

static char *map(long length, long touch)
{
	char *p = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED);
	memset(p, 1, (size_t)touch);
	expected_bytes += touch;
	return p;
}

static void mallocs(void)
{
	for (int i = 0; i < 20; i++)
		memset(must_not_be_null(malloc((size_t)MIB)), 1, (size_t)MIB);
}

int main(void)
{
	mallocs();
	map(33 * MIB, 33 * MIB);
	map(16 * MIB, 8 * MIB);
	char *holed = map(8 * MIB, 8 * MIB);
	MUST(munmap(holed + 2 * MIB, (size_t)(3 * MIB)) == 0);
	expected_bytes -= 3 * MIB;
	char *moved = mremap(map(MIB, MIB), (size_t)MIB, (size_t)(9 * MIB), MREMAP_MAYMOVE);
	MUST(moved != MAP_FAILED);
	memset(moved + MIB, 1, (size_t)(8 * MIB));
	expected_bytes += 8 * MIB;
	char *given = map(4 * MIB, 4 * MIB);
	MUST(madvise(given, (size_t)(4 * MIB), MADV_DONTNEED) == 0);
	expected_bytes -= 4 * MIB;
	map(64 * MIB, 0);
	mallocs();
	say("expect program_mmap %ld %ld\n", expected_bytes, (long)(16 * PAGE));
	say("expect live_requested %ld %ld\n", 40 * MIB, 128 * KIB);
	_exit(0);
}
