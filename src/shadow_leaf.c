/* SPDX-License-Identifier: MIT */
/*
 * One leaf of the shadow. Bit 31 marks heads and nothing else, so four words at a time
 * are asked for their sign bits; most words are zero or tombstones. Words may change
 * while they are read: each is read once, and what it says is capped, never trusted.
 */
#include "shadow_leaf.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PAGE_BYTES (1u << WIRE_PAGE_SHIFT)
#define SIZE_MAX_BYTES (1ull << WIRE_ADDRESS_BITS)
#define HEADS_AT_ONCE 16u

struct block { uint64_t requested, footprint; };

/* Bit i is set when words[i] is the head of a live block. */
static inline uint32_t find_heads(const uint32_t *words)
{
#ifdef __SSE2__
	const __m128i *w = (const __m128i *)(const void *)words; /* 16-byte aligned: a page has 64 of these */
	__m128i a = _mm_load_si128(w), b = _mm_load_si128(w + 1), c = _mm_load_si128(w + 2), d = _mm_load_si128(w + 3);
	/* saturating packs keep the signs: 16 words to 16 bytes to 16 bits */
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
#else
	uint32_t heads = 0;
	for (unsigned i = 0; i < HEADS_AT_ONCE; i++)
		heads |= (words[i] >> 31) << i;
	return heads;
#endif
}

static inline uint32_t load_word(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static struct block read_long(const uint32_t *head)
{
	uint64_t requested = load_word(head + 2) | (uint64_t)load_word(head + 3) << 32;
	uint64_t footprint = load_word(head + 4) | (uint64_t)load_word(head + 5) << 32;
	if (requested > SIZE_MAX_BYTES)
		requested = SIZE_MAX_BYTES;
	if (footprint > SIZE_MAX_BYTES)
		footprint = SIZE_MAX_BYTES;
	return (struct block){ requested, footprint < requested ? requested : footprint };
}

static inline struct block read_block(const uint32_t *head, uint32_t word,
				      const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES])
{
	uint32_t tag = word >> WIRE_TAG_SHIFT & WIRE_TAG_MASK;
	if (tag < WIRE_TINY_SIZES) {
		uint32_t footprint = tiny[word >> WIRE_HEAP_SHIFT & WIRE_HEAP_MASK][tag];
		return (struct block){ tag, footprint < tag ? tag : footprint };
	}
	uint32_t sizes = load_word(head + 1);
	uint64_t requested = sizes & WIRE_SIZE_LONG;
	if (requested == WIRE_SIZE_LONG)
		return read_long(head);
	return (struct block){ requested, requested + (sizes >> WIRE_SIZE_BITS & WIRE_SLACK_MAX) };
}

static inline void add_block(struct shadow_page_sum *sum, uint32_t offset, struct block b)
{
	uint32_t room = PAGE_BYTES - offset;
	if (b.footprint <= room) {
		sum->requested += (uint32_t)b.requested;
		sum->footprint += (uint32_t)b.footprint;
		return;
	}
	/* blocks don't overlap, so only one crosses the end; of a hostile many, the longest */
	uint64_t here = b.requested < room ? b.requested : room;
	sum->requested += (uint32_t)here;
	sum->footprint += room;
	if (b.footprint - room > sum->spill_footprint) {
		sum->spill_footprint = b.footprint - room;
		sum->spill_requested = b.requested - here;
	}
}

/* At most 256 heads of at most 4096 bytes on the page: the sums cannot overflow. */
static uint32_t sum_plane(const uint32_t *words, uint32_t shift_bytes, const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES],
			  struct shadow_page_sum *sum)
{
	uint32_t seen = 0;
	for (uint32_t group = 0; group < WIRE_PAGE_WORDS; group += HEADS_AT_ONCE) {
		for (uint32_t heads = find_heads(words + group); heads; heads &= heads - 1) {
			uint32_t granule = group + (uint32_t)__builtin_ctz(heads);
			uint32_t word = load_word(words + granule);
			if (!(word & WIRE_LIVE))
				continue;
			add_block(sum, (granule << WIRE_GRANULE_SHIFT) + shift_bytes, read_block(words + granule, word, tiny));
			seen |= word;
		}
	}
	return seen & WIRE_STACK_MASK;
}

bool shadow_leaf_sum_page(const struct shadow_leaf *leaf, uint32_t page, bool odd,
			  const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES], struct shadow_page_sum *ret_sum)
{
	size_t at = (size_t)page * WIRE_PAGE_WORDS * 4;
	*ret_sum = (struct shadow_page_sum){ 0 };
	uint32_t stacks = sum_plane((const uint32_t *)(const void *)(leaf->planes + WIRE_LEAF_PLANE_A + at), 0, tiny, ret_sum);
	if (odd)
		stacks |= sum_plane((const uint32_t *)(const void *)(leaf->planes + WIRE_LEAF_PLANE_B + at), 8, tiny, ret_sum);
	return stacks != 0;
}

/* ---- heads, one by one ------------------------------------------------------------- */

static const uint32_t *words_of(const struct shadow_leaf *leaf, uint32_t page, uint64_t plane)
{
	return (const uint32_t *)(const void *)(leaf->planes + plane + (size_t)page * WIRE_PAGE_WORDS * 4);
}

static unsigned add_live_heads(const uint32_t *words, uint32_t shift_bytes,
			       const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES], struct shadow_head *to)
{
	unsigned n = 0;
	for (uint32_t group = 0; group < WIRE_PAGE_WORDS; group += HEADS_AT_ONCE) {
		for (uint32_t heads = find_heads(words + group); heads; heads &= heads - 1) {
			uint32_t granule = group + (uint32_t)__builtin_ctz(heads), word = load_word(words + granule);
			if (!(word & WIRE_LIVE))
				continue;
			struct block b = read_block(words + granule, word, tiny);
			to[n++] = (struct shadow_head){ (granule << WIRE_GRANULE_SHIFT) + shift_bytes,
							word & WIRE_STACK_MASK, b.requested, b.footprint };
		}
	}
	return n;
}

/* Two ascending lists that follow each other become one. */
static void merge(struct shadow_head *heads, unsigned even, unsigned all)
{
	struct shadow_head odd[WIRE_PAGE_WORDS];
	unsigned left = all - even;
	memcpy(odd, heads + even, left * sizeof *odd);
	while (left) {
		bool from_even = even && heads[even - 1].offset > odd[left - 1].offset;
		heads[--all] = from_even ? heads[--even] : odd[--left];
	}
}

unsigned shadow_leaf_live_heads(const struct shadow_leaf *leaf, uint32_t page, bool odd,
				const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES],
				struct shadow_head ret_heads[SHADOW_HEADS_MAX])
{
	unsigned even = add_live_heads(words_of(leaf, page, WIRE_LEAF_PLANE_A), 0, tiny, ret_heads), n = even;
	if (odd)
		n += add_live_heads(words_of(leaf, page, WIRE_LEAF_PLANE_B), 8, tiny, ret_heads + even);
	if (n > even)
		merge(ret_heads, even, n);
	return n;
}

/* False: not the head of a block, by its looks. */
static bool read_dead(const uint32_t *at, const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES], struct block *ret)
{
	uint32_t word = load_word(at), tag = word >> WIRE_TAG_SHIFT & WIRE_TAG_MASK;
	if (word & WIRE_LIVE || tag == 0 || (tag >= WIRE_TINY_SIZES && tag != WIRE_TAG_LONG))
		return false;
	if (tag == WIRE_TAG_LONG && load_word(at + 1) & WIRE_LIVE)
		return false;
	*ret = read_block(at, word, tiny);
	return tag != WIRE_TAG_LONG || ret->footprint > 16;
}

unsigned shadow_leaf_dead_heads(const struct shadow_leaf *leaf, uint32_t page, bool odd, uint32_t from,
				const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES],
				struct shadow_head ret_heads[SHADOW_HEADS_MAX])
{
	const uint32_t *planes[2] = { words_of(leaf, page, WIRE_LEAF_PLANE_A), words_of(leaf, page, WIRE_LEAF_PLANE_B) };
	uint32_t step = odd ? 8 : 16;
	unsigned n = 0;
	for (uint32_t offset = (from + step - 1) & ~(step - 1); offset < PAGE_BYTES;) {
		const uint32_t *at = planes[offset >> 3 & 1] + (offset >> WIRE_GRANULE_SHIFT);
		struct block b;
		if (!read_dead(at, tiny, &b)) {
			offset += step;
			continue;
		}
		ret_heads[n++] = (struct shadow_head){ offset, load_word(at) & WIRE_STACK_MASK, b.requested, b.footprint };
		if (b.footprint >= PAGE_BYTES - offset)
			break;
		offset = (offset + (uint32_t)b.footprint + step - 1) & ~(step - 1);
	}
	return n;
}

/* ---- composing ---------------------------------------------------------------------- */

static inline uint32_t take(uint64_t *left)
{
	uint32_t part = *left < PAGE_BYTES ? (uint32_t)*left : PAGE_BYTES;
	*left -= part;
	return part;
}

/* Joins two claims on one page; where they overlap (a race), the page's size is the limit. */
static inline uint32_t set_page(struct shadow_pages *pages, uint32_t p, uint32_t requested, uint32_t footprint)
{
	footprint = footprint < PAGE_BYTES ? footprint : PAGE_BYTES;
	requested = requested < footprint ? requested : footprint;
	pages->live_requested[p] = (uint16_t)requested;
	pages->live_footprint[p] = (uint16_t)footprint;
	return requested;
}

void shadow_leaf_compose(struct shadow_leaf *leaf, struct shadow_carry *carry)
{
	struct shadow_carry c = *carry;
	int64_t live = 0;
	leaf->in = c;
	for (uint32_t p = 0; p < WIRE_PAGES; p++) {
		const struct shadow_page_sum *sum = &leaf->sums[p];
		uint32_t requested = sum->requested + take(&c.requested);
		uint32_t footprint = sum->footprint + take(&c.footprint);
		live += set_page(leaf->pages, p, requested, footprint);
		if (sum->spill_footprint > c.footprint)
			c = (struct shadow_carry){ sum->spill_requested, sum->spill_footprint };
	}
	leaf->out = *carry = c;
	leaf->live_bytes = live;
	leaf->is_stale = false;
}

void shadow_leaf_add_block(struct shadow_leaf *leaf, uint32_t offset, uint64_t requested, uint64_t footprint)
{
	struct shadow_pages *pages = leaf->pages;
	leaf->is_stale = true; /* the next scan starts from the sums again */
	for (uint32_t p = offset >> WIRE_PAGE_SHIFT; p < WIRE_PAGES && footprint; p++) {
		uint32_t room = PAGE_BYTES - (offset & (PAGE_BYTES - 1));
		uint32_t r = requested < room ? (uint32_t)requested : room;
		uint32_t f = footprint < room ? (uint32_t)footprint : room;
		uint32_t before = pages->live_requested[p];
		leaf->live_bytes += (int64_t)set_page(pages, p, before + r, pages->live_footprint[p] + f) - before;
		pages->ever[p] = 1;
		requested -= r;
		footprint -= f;
		offset = 0;
	}
}
