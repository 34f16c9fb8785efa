/* SPDX-License-Identifier: MIT */
/* Bits with ranks; see image_private.h. One bit for each byte of text is an eighth of it,
 * and makes "is this exactly a function's start?" a single load: it is asked for every byte
 * of the text that might begin a call. */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

int address_set_init(struct address_set *s, uint64_t low, uint64_t end, unsigned shift)
{
	uint64_t size = (end - low) >> shift;
	size_t words = size / 64 + 1;
	uint64_t *bits = calloc(words, sizeof *bits);
	uint32_t *ranks = calloc(words, sizeof *ranks);
	if (!bits || !ranks) {
		free(bits);
		free(ranks);
		return -ENOMEM;
	}
	*s = (struct address_set){ low, size, shift, bits, ranks };
	return 0;
}

void address_set_finish(struct address_set *s)
{
	free(s->bits);
	free(s->ranks);
	*s = (struct address_set){ 0 };
}

void address_set_add(struct address_set *s, uint64_t address)
{
	uint64_t at = (address - s->low) >> s->shift;
	if (at < s->size)
		s->bits[at / 64] |= 1ull << at % 64;
}

uint32_t address_set_rank(struct address_set *s, uint32_t before)
{
	if (!s->bits)
		return before;
	for (size_t i = 0; i <= s->size / 64; i++) {
		s->ranks[i] = before;
		before += (uint32_t)__builtin_popcountll(s->bits[i]);
	}
	return before;
}
