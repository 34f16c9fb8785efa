/* SPDX-License-Identifier: MIT */
/*
 * dirty - 96 MiB in 16 KiB blocks and 64 MiB in 4 MiB blocks, all touched, all freed.
 *
 * Model: nothing is live. A page that the allocator kept is dirty, one that it gave back
 * isn't resident: /proc/self/pagemap says which, over the pages the blocks had covered.
 * A small last block stays, so that glibc cannot trim the heap's top.
 * Tolerance: 512 KiB for the allocator's own pages and for pages at the blocks' edges; for
 * live 128 KiB as in frag.c.
 */
#include "say.h"

enum { SMALL = 6144, SMALL_SIZE = 16384, BIG = 16, BIG_SIZE = 4 << 20 };
static struct { uintptr_t start, size; } block[SMALL + BIG];
static char *edge;

/* By address; qsort() would allocate for this many. */
static void sort_blocks(void)
{
	for (int gap = COUNT(block) / 2; gap > 0; gap /= 2)
		for (int i = gap; i < (int)COUNT(block); i++)
			for (int j = i; j >= gap && block[j - gap].start > block[j].start; j -= gap) {
				__typeof__(block[0]) swap = block[j];
				block[j] = block[j - gap];
				block[j - gap] = swap;
			}
}

int main(void)
{
	uintptr_t counted = 0;
	long kept = 0;
	for (int i = 0; i < SMALL + BIG; i++) {
		block[i].size = i < SMALL ? SMALL_SIZE : BIG_SIZE;
		block[i].start = (uintptr_t)must_not_be_null(malloc(block[i].size));
		memset((void *)block[i].start, 1, block[i].size);
	}
	MUST((edge = malloc(40)) != NULL);
	edge[0] = 1;
	for (int i = 0; i < SMALL + BIG; i++)
		free((void *)block[i].start);
	sort_blocks();
	for (int i = 0; i < SMALL + BIG; i++) {
		uintptr_t from = block[i].start & ~(PAGE - 1), to = (block[i].start + block[i].size + PAGE - 1) & ~(PAGE - 1);
		from = from < counted ? counted : from;
		if (from < to)
			kept += resident_bytes(from, counted = to);
	}
	say("expect live_requested 40 %ld\n", 128 * KIB);
	say("expect retained_dirty+retained_muzzy %ld %ld\n", kept, 512 * KIB);
	_exit(0);
}
