/* SPDX-License-Identifier: MIT */
/* Sorts references by target: radix over (offset, position) pairs, which move 8 bytes where
 * the references themselves are 24, then one gathering pass. Within one target they are
 * nearly in order already, since the text was read in order. */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)
#define PASSES 3 /* 33 bits */

struct pair { uint32_t key, at; };

static void radix_pass(const struct pair *from, struct pair *to, size_t count, unsigned shift)
{
	size_t next[DIGITS] = { 0 }, sum = 0;
	for (size_t i = 0; i < count; i++)
		next[from[i].key >> shift & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t n = next[d];
		next[d] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[next[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

static int by_from(const void *a, const void *b)
{
	const struct image_reference *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

static void order_groups(struct image_reference *items, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		bool ordered = true;
		for (end = i + 1; end < count && items[end].target == items[i].target; end++)
			ordered &= by_from(&items[end - 1], &items[end]) <= 0;
		if (!ordered)
			qsort(items + i, end - i, sizeof *items, by_from);
	}
}

int image_sort_references(struct image_reference **items, size_t count, uint64_t low)
{
	struct pair *a = calloc(count + 1, sizeof *a), *b = calloc(count + 1, sizeof *b);
	struct image_reference *sorted = malloc((count + 1) * sizeof *sorted);
	if (!a || !b || !sorted) {
		free(a);
		free(b);
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		a[i] = (struct pair){ (uint32_t)((*items)[i].target - low), (uint32_t)i };
	for (unsigned pass = 0; pass < PASSES; pass++) {
		radix_pass(a, b, count, pass * DIGIT_BITS);
		struct pair *swap = a;
		a = b;
		b = swap;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = (*items)[a[i].at];
	free(a);
	free(b);
	order_groups(sorted, count);
	free(*items);
	*items = sorted;
	return 0;
}
