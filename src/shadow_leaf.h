/* SPDX-License-Identifier: MIT */
/*
 * shadow_leaf.h - one leaf of the shadow map: the words of a page summed up, by
 * themselves (what a block leaves over for the pages behind it is kept as spill) and
 * then composed with the spill of the pages in front. Pure but for the flags.
 */
#ifndef MEMWHY_SHADOW_LEAF_H
#define MEMWHY_SHADOW_LEAF_H

#include "shadow_view.h"

/* What the heads on one page say. Sums are capped, for words are the peer's. */
struct shadow_page_sum {
	uint32_t requested, footprint;             /* on the page itself */
	uint64_t spill_requested, spill_footprint; /* behind its end */
};

/* A spill on its way through ascending pages. */
struct shadow_carry {
	uint64_t requested, footprint; /* bytes left */
};

struct shadow_leaf {
	uint32_t region;
	uint32_t index;               /* in the file */
	bool is_new;                  /* never summed by this view */
	bool is_stale;                /* pages don't follow from sums any more */
	const unsigned char *planes;  /* WIRE_LEAF_FLAGS bytes, mapped read-only */
	uint8_t *flags;               /* WIRE_PAGES, mapped; the target writes them too */
	struct shadow_page_sum *sums; /* WIRE_PAGES */
	struct shadow_pages *pages;
	uint64_t pending[WIRE_PAGES / 64]; /* pages whose words must be read */
	uint64_t stacked[WIRE_PAGES / 64]; /* pages where a live block that begins there has a stack */
	uint64_t written[WIRE_PAGES / 64]; /* pages whose words were ever pending: no holes of the file */
	struct shadow_carry in, out;  /* of the last compose */
	int64_t live_bytes;           /* of the last compose, with what was in flight */
};

/* tiny: footprint of tag 0..16 for each heap, never 0. odd: plane B too. True when one of
 * the blocks has a stack. */
bool shadow_leaf_sum_page(const struct shadow_leaf *leaf, uint32_t page, bool odd,
			  const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES], struct shadow_page_sum *ret_sum);

/* A block by its head. */
struct shadow_head {
	uint32_t offset;              /* on its page */
	uint32_t stack;               /* id, as the word has it */
	uint64_t requested, footprint;
};
#define SHADOW_HEADS_MAX (2 * WIRE_PAGE_WORDS)
/* The live blocks that begin on a page, ascending by offset. Returns how many. */
unsigned shadow_leaf_live_heads(const struct shadow_leaf *leaf, uint32_t page, bool odd,
				const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES],
				struct shadow_head ret_heads[SHADOW_HEADS_MAX]);
/* The tombstones from offset `from` on. Only their order tells them from what the blocks of
 * earlier times have left: each is followed to its end, and what lies within is not looked
 * at. A block of no bytes leaves no trace. */
unsigned shadow_leaf_dead_heads(const struct shadow_leaf *leaf, uint32_t page, bool odd, uint32_t from,
				const uint8_t tiny[WIRE_HEAPS][WIRE_TINY_SIZES],
				struct shadow_head ret_heads[SHADOW_HEADS_MAX]);
/* Fills leaf->pages and live_bytes from leaf->sums, with *carry coming in and going out. */
void shadow_leaf_compose(struct shadow_leaf *leaf, struct shadow_carry *carry);
/* A block that no word tells of, from offset in the leaf: adds as much of it as the leaf
 * holds, at most WIRE_PAGES pages. */
void shadow_leaf_add_block(struct shadow_leaf *leaf, uint32_t offset, uint64_t requested, uint64_t footprint);

/* ---- the view's, for shadow_blocks.c ---- */
/* All leaves, ascending by region, as of the last scan. */
uint32_t shadow_view_leaves(const struct shadow_view *v, struct shadow_leaf *const **ret_leaves);
typedef uint8_t shadow_tiny[WIRE_HEAPS][WIRE_TINY_SIZES];
const shadow_tiny *shadow_view_tiny(const struct shadow_view *v);

#endif
