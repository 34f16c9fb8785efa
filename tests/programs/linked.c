/* SPDX-License-Identifier: MIT */
/* linked.c - uses malloc, calloc, realloc and free, for an allocator that is linked into it. */
#include <stdio.h>
#include <stdlib.h>

static void *volatile blocks[1000];

int main(void)
{
	for (int i = 0; i < 100000; i++) {
		void *volatile *b = &blocks[rand() % 1000];
		size_t n = (size_t)(rand() % 300 + 1);
		if (i % 3 == 0) {
			free(*b);
			*b = malloc(n);
		} else if (i % 3 == 1) {
			free(*b);
			*b = calloc(3, n);
		} else {
			*b = realloc(*b, n);
		}
	}
	puts("main ran");
	return 0;
}
