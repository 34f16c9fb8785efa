/* SPDX-License-Identifier: MIT */
/*
 * shadow.h - the hot half of the shadow map: from an address to its word, and the
 * encoding of blocks (wire.h). Inline, because every malloc and free passes here.
 *
 * Ordering: word 1 and further before word 0, words before page flags (x86-64 stores
 * are seen in order; elsewhere the release stores make them so). free clears the word
 * before the allocator may hand the block out again, so a block never has two owners.
 */
#ifndef MEMWHY_SHADOW_H
#define MEMWHY_SHADOW_H

#include "probe.h"

/* A block as its words tell. heap and stack are written through, not interpreted. */
struct shadow_block {
	size_t requested, footprint;
};

/* Makes the leaf of a region; NULL when none can be had (counted). Slow. */
char *shadow_make_leaf(uint32_t region);
/* The leaf of an address, made if there is none yet; NULL: out of range, or none can be had. */
char *shadow_leaf_for(uintptr_t a);
/* Sets EVER on every page that [address, address + length) touches, leaves included. */
void shadow_mark_pages(uintptr_t address, size_t length);
/* Between two maps, whole pages of the file that exist: reading a hole would allocate it, in both. */
void shadow_copy_pages(char *to, const char *from_pages, size_t bytes);

static inline char *shadow_leaf_at(char *base, uint32_t entry)
{
	return base + ((uint64_t)entry << WIRE_PAGE_SHIFT);
}

static inline char *shadow_find_leaf(uintptr_t a)
{
	uint64_t region = a >> WIRE_REGION_SHIFT;
	if (unlikely(region >= WIRE_REGION_COUNT))
		return NULL;
	uint32_t entry = __atomic_load_n(&probe.directory[region], __ATOMIC_ACQUIRE);
	return likely(entry) ? shadow_leaf_at(probe.base, entry) : NULL;
}

static inline uint32_t *shadow_word(char *leaf, uintptr_t a)
{
	uint64_t granule = (a >> WIRE_GRANULE_SHIFT) & (WIRE_GRANULES - 1);
	uint64_t plane = (a & 8) ? WIRE_LEAF_PLANE_B : WIRE_LEAF_PLANE_A;
	return (uint32_t *)(leaf + plane) + granule;
}

/* For addresses that are known to be multiples of 16. */
static inline uint32_t *shadow_word_even(char *leaf, uintptr_t a)
{
	return (uint32_t *)leaf + ((a >> WIRE_GRANULE_SHIFT) & (WIRE_GRANULES - 1));
}

static inline uint8_t *shadow_flags(char *leaf, uintptr_t a)
{
	return (uint8_t *)leaf + WIRE_LEAF_FLAGS + ((a >> WIRE_PAGE_SHIFT) & (WIRE_PAGES - 1));
}

/* The test before the atomic or is sound only because the collector makes every
 * thread pass a barrier between clearing CHANGED and reading words. */
static inline void shadow_touch_page(char *leaf, uintptr_t a)
{
	uint8_t *flags = shadow_flags(leaf, a);
	uint8_t want = WIRE_PAGE_EVER | WIRE_PAGE_CHANGED | (uint8_t)((a & 8) >> 1);
	if (unlikely((__atomic_load_n(flags, __ATOMIC_RELAXED) & want) != want))
		__atomic_fetch_or(flags, want, __ATOMIC_RELAXED);
}

static inline void shadow_touch_page_even(char *leaf, uintptr_t a)
{
	uint8_t *flags = shadow_flags(leaf, a);
	const uint8_t want = WIRE_PAGE_EVER | WIRE_PAGE_CHANGED;
	if (unlikely((__atomic_load_n(flags, __ATOMIC_RELAXED) & want) != want))
		__atomic_fetch_or(flags, want, __ATOMIC_RELAXED);
}

static inline bool shadow_crosses_page(uintptr_t a, size_t length)
{
	return (a & ((1u << WIRE_PAGE_SHIFT) - 1)) + length > (1u << WIRE_PAGE_SHIFT);
}

static inline bool shadow_crosses_region(uintptr_t a, size_t length)
{
	return (a & (WIRE_REGION_BYTES - 1)) + length > WIRE_REGION_BYTES;
}

static inline void shadow_store_long(uint32_t *w, size_t requested, size_t footprint)
{
	w[1] = WIRE_SIZE_LONG;
	w[2] = (uint32_t)requested;
	w[3] = (uint32_t)(requested >> 32);
	w[4] = (uint32_t)footprint;
	w[5] = (uint32_t)(footprint >> 32);
}

/* Word 0 of the block, having written the further words. The head's low bits are the
 * stack id. */
static inline uint32_t shadow_encode(uint32_t *w, size_t requested, size_t footprint,
				     uint32_t heap, uint32_t stack)
{
	uint32_t tag = WIRE_TAG_LONG;
	size_t slack = footprint - requested;
	if (unlikely(footprint <= 16))
		tag = (uint32_t)requested;
	else if (likely(requested < WIRE_SIZE_LONG && slack <= WIRE_SLACK_MAX))
		w[1] = (uint32_t)(slack << WIRE_SIZE_BITS | requested);
	else
		shadow_store_long(w, requested, footprint);
	return WIRE_LIVE | tag << WIRE_TAG_SHIFT | heap << WIRE_HEAP_SHIFT | stack;
}

static inline struct shadow_block shadow_decode(const uint32_t *w, uint32_t head)
{
	uint32_t tag = head >> WIRE_TAG_SHIFT & WIRE_TAG_MASK;
	if (unlikely(tag != WIRE_TAG_LONG))
		return (struct shadow_block){ tag, 16 };
	uint32_t one = w[1];
	size_t requested = one & WIRE_SIZE_LONG;
	if (likely(requested != WIRE_SIZE_LONG))
		return (struct shadow_block){ requested, requested + (one >> WIRE_SIZE_BITS) };
	return (struct shadow_block){ w[2] | (size_t)w[3] << 32, w[4] | (size_t)w[5] << 32 };
}

#endif
