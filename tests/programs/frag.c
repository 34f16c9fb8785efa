/* SPDX-License-Identifier: MIT */
/*
 * frag - 400,000 blocks of 64 bytes; then on every other page one survivor stays, and all
 * other blocks are freed.
 *
 * Model: live = 64 bytes a survivor. A page with a survivor is live + rounding +
 * fragmentation, whole; a page that lost all its blocks is dirty (or muzzy) for as long as
 * it is resident, which /proc/self/pagemap tells. Both are counted here by page, from
 * the blocks' addresses alone.
 * Tolerance: libc's and the allocator's own few blocks and their pages: 256 KiB; live is
 * exact but for those blocks (128 KiB: libstdc++'s 72,704 byte pool where a C++ allocator
 * is preloaded).
 */
#include "say.h"

enum { BLOCKS = 400000, SIZE = 64 };
static char *block[BLOCKS];

static int by_address(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	return x < y ? -1 : x > y;
}

static uintptr_t first_page(const char *p)
{
	return (uintptr_t)p / PAGE;
}

static uintptr_t last_page(const char *p)
{
	return ((uintptr_t)p + SIZE - 1) / PAGE;
}

/* A block that lies in one page, odd pages only, the first such of its page. */
static int survives(const char *p, uintptr_t previous)
{
	/* 24: room for headers in front of and behind it, so that its footprint stays inside too */
	return first_page(p - 24) == last_page(p + 24) && first_page(p) % 2 == 1 && first_page(p) != previous;
}

int main(void)
{
	long survivors = 0, pinned = 0, dirty = 0;
	uintptr_t kept = 0, counted = 0;
	static char keep[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		MUST((block[i] = malloc(SIZE)) != NULL);
		memset(block[i], i, SIZE);
	}
	/* By address, in place and without malloc: qsort would allocate for this many. */
	for (int gap = BLOCKS / 2; gap > 0; gap /= 2)
		for (int i = gap; i < BLOCKS; i++) {
			char *b = block[i];
			int j = i;
			for (; j >= gap && by_address(&block[j - gap], &b) > 0; j -= gap)
				block[j] = block[j - gap];
			block[j] = b;
		}
	for (int i = 0; i < BLOCKS; i++) {
		keep[i] = (char)survives(block[i], kept);
		if (keep[i]) {
			kept = first_page(block[i]);
			survivors++;
			pinned += PAGE;
		}
	}
	for (int i = 0; i < BLOCKS; i++)
		if (!keep[i])
			free(block[i]);
	kept = 0;
	for (int i = 0, next = 0; i < BLOCKS; i++) {
		if (next < i)
			next = i;
		while (next < BLOCKS && !keep[next])
			next++;
		if (keep[i])
			kept = first_page(block[i]);
		for (uintptr_t page = first_page(block[i]); page <= last_page(block[i]); page++) {
			if (page <= counted)
				continue;
			counted = page;
			if (page != kept && (next == BLOCKS || page != first_page(block[next])))
				dirty += resident_bytes(page * PAGE, (page + 1) * PAGE);
		}
	}
	say("expect live_requested %ld %ld\n", survivors * SIZE, 128 * KIB);
	say("expect live_requested_resident+rounding+fragmentation %ld %ld\n", pinned, 256 * KIB);
	say("expect retained_dirty+retained_muzzy %ld %ld\n", dirty, 256 * KIB);
	_exit(0);
}
