/* SPDX-License-Identifier: MIT */
/*
 * introspect-dear - half a million free chunks that can't be joined, in a heap that goes on
 * being freed and used: a walk through them takes longer than the program's own work.
 */
#include <stdio.h>
#include <stdlib.h>

#define BLOCKS 1000000

static void *blocks[BLOCKS];

int main(void)
{
	unsigned sum = 0;
	for (int i = 0; i < BLOCKS; i++)
		if (!(blocks[i] = malloc(48)))
			return 1;
	for (int i = 0; i < BLOCKS; i += 2)
		free(blocks[i]);
	for (unsigned i = 0; i < 2000000; i++) {
		unsigned at = i * 7919u % BLOCKS & ~1u;
		blocks[at] = malloc(48 + i % 64);
		sum += (unsigned)(size_t)blocks[at] >> 4;
		free(blocks[at]);
	}
	printf("done%s\n", sum == 1 ? "." : "");
	return 0;
}
