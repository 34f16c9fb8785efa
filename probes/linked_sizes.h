/* SPDX-License-Identifier: MIT */
/*
 * linked_sizes.h - footprints of the allocators that are linked into modules: by arithmetic
 * where the family's classes are known (size_class.h), learned where its usable-size
 * function was found, else rounded to 16. One load for common sizes.
 */
#ifndef MEMWHY_LINKED_SIZES_H
#define MEMWHY_LINKED_SIZES_H

#include "probe.h"
#include "size_class.h"

typedef size_t linked_usable_fn(void *p);

/* Index: heap, as in control->heaps; 0 is never used. Written before its entries are patched. */
struct linked_heap {
	const struct size_rules *rules; /* NULL: none are known */
	linked_usable_fn *usable;       /* NULL: not found */
	void *mallctl;                  /* jemalloc's, or NULL; not hooked */
	uint32_t plain_alignment;       /* alignments up to this one are the table's too */
};
extern struct linked_heap linked_heaps[WIRE_HEAPS] __attribute__((visibility("hidden")));
/* 0: not known yet. */
extern uint16_t linked_table[WIRE_HEAPS][SIZE_TABLE_ENTRIES] __attribute__((visibility("hidden")));

/* Fills linked_heaps[heap], its table, and what of it the collector needs. */
void linked_sizes_init(uint32_t heap, struct wire_heap *wire, const struct size_rules *rules,
		       linked_usable_fn *usable, void *mallctl);
/* Bytes that a block takes from its page run; at least the bytes asked for. May call into the
 * allocator (its usable-size function). */
size_t linked_footprint(uint32_t heap, void *p, size_t bytes, size_t alignment);
/* Likewise of a block that realloc left where it was, with old_footprint then. */
size_t linked_footprint_kept(uint32_t heap, void *p, size_t bytes, size_t alignment, size_t old_footprint);

/* 0: use linked_footprint(). bytes <= SIZE_TABLE_MAX. */
static inline size_t linked_footprint_hot(uint32_t heap, size_t bytes)
{
	return linked_table[heap][size_table_index(bytes)];
}

#endif
