/* SPDX-License-Identifier: MIT */
/*
 * pin - survivors of one call site hold pages of blocks that were freed: planted_keep() is
 * called for one block in 64 of the same size. Prints what it should be charged with: the
 * pages that hold its blocks, less what its blocks take there.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCKS 1000000
#define BYTES  64
#define EVERY  64

static void *blocks[BLOCKS];

__attribute__((noinline)) static void *planted_keep(void)
{
	char *p = malloc(BYTES);
	if (p)
		p[0] = 1;
	return p;
}

__attribute__((noinline)) static void *scratch(void)
{
	char *p = malloc(BYTES);
	if (p)
		p[0] = 2;
	return p;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)*(void *const *)a, y = (uintptr_t)*(void *const *)b;
	return (x > y) - (x < y);
}

int main(void)
{
	static void *kept[BLOCKS / EVERY + 1];
	size_t count = 0, pages = 0, taken = 0;
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = i % EVERY ? scratch() : planted_keep();
	for (int i = 0; i < BLOCKS; i++)
		if (!blocks[i])
			return 1;
		else if (i % EVERY)
			free(blocks[i]);
		else
			kept[count++] = blocks[i];
	qsort(kept, count, sizeof *kept, by_address);
	uintptr_t last = 0;
	for (size_t i = 0; i < count; i++) {
		taken += malloc_usable_size(kept[i]);
		pages += (uintptr_t)kept[i] >> 12 != last;
		last = (uintptr_t)kept[i] >> 12;
	}
	printf("pinned %zu\n", pages * 4096 - taken);
	fflush(stdout);
	_exit(0);
}
