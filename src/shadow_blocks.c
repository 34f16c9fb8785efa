/* SPDX-License-Identifier: MIT */
/*
 * See shadow_blocks.h. Two blocks may be on their way into the next page: a live one and a
 * freed one. A live head ends the freed one: it lies there now, so it is the later. A
 * tombstone inside a freed block is not looked at: it would be older, for what is carved
 * out of a freed block begins at its head as a rule, and overwrites it.
 */
#include "shadow_blocks.h"

#define PAGE_BYTES (1u << WIRE_PAGE_SHIFT)

struct crossing { struct shadow_head head; uint64_t left_bytes; };

struct walk {
	const struct shadow_leaf *leaf;
	const shadow_tiny *tiny;
	struct crossing live, dead;
	struct shadow_head heads[SHADOW_HEADS_MAX];
	struct shadow_page page;
};

static bool has_words(const struct shadow_leaf *leaf, uint32_t page)
{
	return leaf->written[page / 64] >> page % 64 & 1;
}

static bool is_odd(const struct shadow_leaf *leaf, uint32_t page)
{
	return __atomic_load_n(&leaf->flags[page], __ATOMIC_RELAXED) & WIRE_PAGE_ODD;
}

static void add_part(struct walk *w, const struct shadow_head *h, uint64_t bytes, bool begins, bool goes_on)
{
	w->page.parts[w->page.count++] = (struct shadow_part){ h->stack, (uint32_t)bytes, h->requested, h->footprint,
							       begins, goes_on };
}

/* The block that comes from the page in front; returns where it ends on this one. */
static uint32_t continue_block(struct walk *w, struct crossing *c, bool show)
{
	if (!c->left_bytes)
		return 0;
	uint32_t bytes = c->left_bytes < PAGE_BYTES ? (uint32_t)c->left_bytes : PAGE_BYTES;
	c->left_bytes -= bytes;
	if (show)
		add_part(w, &c->head, bytes, false, c->left_bytes > 0);
	return bytes;
}

/* Of a hostile many that cross the end, the longest goes on. Returns the end of the last. */
static uint32_t begin_blocks(struct walk *w, unsigned count, struct crossing *c, bool show)
{
	uint32_t end = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct shadow_head *h = &w->heads[i];
		uint64_t room = PAGE_BYTES - h->offset, bytes = h->footprint < room ? h->footprint : room;
		bool goes_on = h->footprint - bytes > c->left_bytes;
		if (goes_on)
			*c = (struct crossing){ *h, h->footprint - bytes };
		if (show && bytes)
			add_part(w, h, bytes, true, goes_on);
		end = h->offset + (uint32_t)bytes;
	}
	return end;
}

static void read_live(struct walk *w, uint32_t p)
{
	uint32_t end = continue_block(w, &w->live, true);
	unsigned count = w->leaf->sums[p].footprint ?
			 shadow_leaf_live_heads(w->leaf, p, is_odd(w->leaf, p), *w->tiny, w->heads) : 0;
	w->dead.left_bytes = 0;
	if (count)
		end = begin_blocks(w, count, &w->live, true);
	/* what was freed behind the last live block may reach the pages that hold none */
	if (end < PAGE_BYTES && has_words(w->leaf, p))
		begin_blocks(w, shadow_leaf_dead_heads(w->leaf, p, is_odd(w->leaf, p), end, *w->tiny, w->heads), &w->dead, false);
}

static void read_dead(struct walk *w, uint32_t p)
{
	uint32_t end = continue_block(w, &w->dead, true);
	w->live.left_bytes = 0;
	if (end < PAGE_BYTES && has_words(w->leaf, p))
		begin_blocks(w, shadow_leaf_dead_heads(w->leaf, p, is_odd(w->leaf, p), end, *w->tiny, w->heads), &w->dead, true);
}

static void walk_leaf(struct walk *w, shadow_page_fn *fn, void *arg)
{
	const struct shadow_pages *pages = w->leaf->pages;
	for (uint32_t p = 0; p < WIRE_PAGES; p++) {
		bool live = pages->live_footprint[p] > 0;
		if (!live && !pages->ever[p]) {
			continue_block(w, &w->dead, false);
			w->live.left_bytes = 0;
			continue;
		}
		w->page.address = ((uint64_t)w->leaf->region << WIRE_REGION_SHIFT) + ((uint64_t)p << WIRE_PAGE_SHIFT);
		w->page.live = live;
		w->page.live_footprint = pages->live_footprint[p];
		w->page.count = 0;
		if (live)
			read_live(w, p);
		else
			read_dead(w, p);
		fn(arg, &w->page);
	}
}

void shadow_blocks_each_page(const struct shadow_view *v, shadow_page_fn *fn, void *arg)
{
	struct shadow_leaf *const *leaves;
	uint32_t count = shadow_view_leaves(v, &leaves);
	struct walk w = { .tiny = shadow_view_tiny(v) };
	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || leaves[i - 1]->region + 1 != leaves[i]->region)
			w.live.left_bytes = w.dead.left_bytes = 0;
		w.leaf = leaves[i];
		walk_leaf(&w, fn, arg);
	}
}
