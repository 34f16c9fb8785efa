/* SPDX-License-Identifier: MIT */
/*
 * identify_blocks.c - makes blocks by any entry's calling convention, and fills them so that
 * blocks that overlap, or lose what was in them, are noticed. No word of a filled block is
 * a valid pointer or a zero: a function that looks into it (a destructor) gives itself away.
 */
#include "identify.h"

#define ALIGN 16

uint64_t identify_make(const struct identify_entry *e, uint64_t context, uint64_t n)
{
	static uint64_t slot;
	uint64_t f = e->address;
	switch (e->kind) {
	case WIRE_ENTRY_MALLOC:
	case WIRE_ENTRY_VALLOC:
	case WIRE_ENTRY_PVALLOC:
	case WIRE_ENTRY_MALLOCX:        return identify_call(f, n);
	case WIRE_ENTRY_CALLOC:         return identify_call(f, 1, n);
	case WIRE_ENTRY_MALLOC_ALIGNED: return identify_call(f, n, ALIGN);
	case WIRE_ENTRY_ALIGNED_ALLOC:  return identify_call(f, ALIGN, n);
	case WIRE_ENTRY_CALLOC_ALIGNED: return identify_call(f, 1, n, ALIGN);
	case WIRE_ENTRY_CTX_MALLOC:     return identify_call(f, context, n, ALIGN);
	case WIRE_ENTRY_CTX_CALLOC:     return identify_call(f, context, 1, n);
	case WIRE_ENTRY_POSIX_MEMALIGN:
		slot = 0;
		return (uint32_t)identify_call(f, (uintptr_t)&slot, ALIGN, n) == 0 ? slot : 0;
	default:                        return 0;
	}
}

bool identify_is_block(uint64_t p)
{
	return p >= 65536 && p < 1ull << 47 && p % 8 == 0;
}

static uint8_t pattern(const struct identify_block *b, uint32_t i)
{
	return (uint8_t)(0x81 | (b->seed * 29 + i * 7 + i / 256 * 2));
}

void identify_fill(struct identify_block *b, uint64_t at, uint32_t bytes)
{
	static uint32_t seed;
	*b = (struct identify_block){ at, bytes, ++seed };
	for (uint32_t i = 0; i < bytes; i++)
		((volatile uint8_t *)at)[i] = pattern(b, i);
}

bool identify_holds(const struct identify_block *b, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (((volatile uint8_t *)b->at)[i] != pattern(b, i))
			return false;
	return true;
}

uint64_t identify_spacing(uint64_t *p, size_t count)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && p[k - 1] > p[k]; k--) {
			uint64_t swap = p[k];
			p[k] = p[k - 1];
			p[k - 1] = swap;
		}
	if (!identify_is_block(p[0]) || !identify_is_block(p[count - 1]))
		return 0;
	for (size_t i = 1; i < count; i++)
		if (p[i] - p[i - 1] < least)
			least = p[i] - p[i - 1];
	return least;
}
