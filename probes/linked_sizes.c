/* SPDX-License-Identifier: MIT */
/* linked_sizes.c - see linked_sizes.h. */
#include "linked_sizes.h"

struct linked_heap linked_heaps[WIRE_HEAPS];
uint16_t linked_table[WIRE_HEAPS][SIZE_TABLE_ENTRIES];

/* No allocator that is met gives more alignment than this unasked. */
#define QUANTUM 16u

static size_t rounded(size_t bytes)
{
	return bytes ? (bytes + QUANTUM - 1) & ~(size_t)(QUANTUM - 1) : QUANTUM;
}

static void fill_rounded(uint16_t *table)
{
	for (size_t i = 0; i < SIZE_TABLE_ENTRIES; i++)
		table[i] = (uint16_t)rounded(i * 8);
}

/* A block of 16 bytes and less has no room for its footprint: the collector looks it up. */
static void tell_tiny(uint32_t heap, struct wire_heap *wire)
{
	for (size_t bytes = 0; bytes < WIRE_TINY_SIZES; bytes++) {
		size_t footprint = linked_footprint_hot(heap, bytes);
		wire->tiny_footprint[bytes] = footprint <= 16 ? (uint8_t)footprint : 0;
	}
}

void linked_sizes_init(uint32_t heap, struct wire_heap *wire, const struct size_rules *rules,
		       linked_usable_fn *usable, void *mallctl)
{
	struct linked_heap *h = &linked_heaps[heap];
	*h = (struct linked_heap){ rules, usable, mallctl, rules ? rules->plain_alignment : 8 };
	if (rules)
		size_rules_fill_table(rules, linked_table[heap]);
	else if (!usable)
		fill_rounded(linked_table[heap]);
	tell_tiny(heap, wire);
}

static size_t ask(const struct linked_heap *h, void *p, size_t bytes)
{
	size_t usable = h->usable(p);
	return usable >= bytes && usable ? usable : rounded(bytes); /* tcmalloc says 0 before it is set up */
}

/* Where classes are multiples of 8, one entry serves 8 sizes; for an allocator that nobody
 * knows this is a guess of at most 7 bytes. */
static size_t learn(uint32_t heap, void *p, size_t bytes, size_t alignment)
{
	size_t usable = ask(&linked_heaps[heap], p, bytes);
	if (alignment <= QUANTUM && bytes <= SIZE_TABLE_MAX && usable <= UINT16_MAX)
		linked_table[heap][size_table_index(bytes)] = (uint16_t)usable;
	if (usable <= 16)
		tell_tiny(heap, &probe.control->heaps[heap]);
	return usable;
}

size_t linked_footprint(uint32_t heap, void *p, size_t bytes, size_t alignment)
{
	const struct linked_heap *h = &linked_heaps[heap];
	if (h->usable && !h->rules)
		return learn(heap, p, bytes, alignment);
	if (h->usable && h->rules->aligned_varies && alignment > h->plain_alignment)
		return ask(h, p, bytes);
	size_t usable = h->rules ? size_rules_usable(h->rules, bytes, alignment) : rounded(bytes);
	return usable >= bytes ? usable : bytes;
}

size_t linked_footprint_kept(uint32_t heap, void *p, size_t bytes, size_t alignment, size_t old_footprint)
{
	const struct linked_heap *h = &linked_heaps[heap];
	if (h->usable && (!h->rules || h->rules->keeps_in_place))
		return ask(h, p, bytes);
	bool kept = h->rules && h->rules->keeps_in_place && bytes <= old_footprint && bytes >= old_footprint / 2;
	return kept ? old_footprint : linked_footprint(heap, p, bytes, alignment);
}
