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
	bool few_stacks;
	struct crossing live, dead;
	const struct shadow_leaf *tail_leaf; /* a live page with free room at its end, or NULL */
	uint32_t tail_page;
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

/* Of a hostile many that cross the end, the longest goes on. */
static void begin_blocks(struct walk *w, unsigned count, struct crossing *c, bool show)
{
	for (unsigned i = 0; i < count; i++) {
		const struct shadow_head *h = &w->heads[i];
		uint64_t room = PAGE_BYTES - h->offset, bytes = h->footprint < room ? h->footprint : room;
		bool goes_on = h->footprint - bytes > c->left_bytes;
		if (goes_on)
			*c = (struct crossing){ *h, h->footprint - bytes };
		if (show && bytes)
			add_part(w, h, bytes, true, goes_on);
	}
}

static bool has_stacks(const struct shadow_leaf *leaf, uint32_t page)
{
	return leaf->stacked[page / 64] >> page % 64 & 1;
}

static unsigned live_heads(struct walk *w, const struct shadow_leaf *leaf, uint32_t p)
{
	return leaf->sums[p].footprint ? shadow_leaf_live_heads(leaf, p, is_odd(leaf, p), *w->tiny, w->heads) : 0;
}

static void read_live(struct walk *w, uint32_t p)
{
	continue_block(w, &w->live, true);
	if (!w->few_stacks || has_stacks(w->leaf, p))
		begin_blocks(w, live_heads(w, w->leaf, p), &w->live, true);
}

/* What was freed behind the last live block may reach into the pages that hold none. */
static void read_tail(struct walk *w)
{
	const struct shadow_leaf *leaf = w->tail_leaf;
	uint32_t p = w->tail_page;
	w->tail_leaf = NULL;
	if (!leaf || !has_words(leaf, p))
		return;
	unsigned count = live_heads(w, leaf, p);
	const struct shadow_head *last = count ? &w->heads[count - 1] : NULL;
	uint64_t end = last ? last->offset + last->footprint : leaf->pages->live_footprint[p];
	if (end < PAGE_BYTES)
		begin_blocks(w, shadow_leaf_dead_heads(leaf, p, is_odd(leaf, p), (uint32_t)end, *w->tiny, w->heads), &w->dead, false);
}

static void read_dead(struct walk *w, uint32_t p)
{
	uint32_t end = continue_block(w, &w->dead, true);
	if (end < PAGE_BYTES && has_words(w->leaf, p))
		begin_blocks(w, shadow_leaf_dead_heads(w->leaf, p, is_odd(w->leaf, p), end, *w->tiny, w->heads), &w->dead, true);
}

static void walk_live(struct walk *w, uint32_t p, shadow_page_fn *fn, void *arg)
{
	w->dead.left_bytes = 0;
	w->tail_leaf = w->leaf;
	w->tail_page = p;
	if (w->few_stacks && !w->live.left_bytes && !has_stacks(w->leaf, p))
		return;
	read_live(w, p);
	fn(arg, &w->page);
}

static void walk_free(struct walk *w, uint32_t p, shadow_page_fn *fn, void *arg)
{
	w->live.left_bytes = 0;
	read_tail(w);
	if (!w->leaf->pages->ever[p]) {
		continue_block(w, &w->dead, false);
		return;
	}
	read_dead(w, p);
	fn(arg, &w->page);
}

static void walk_leaf(struct walk *w, shadow_page_fn *fn, void *arg)
{
	for (uint32_t p = 0; p < WIRE_PAGES; p++) {
		w->page.address = ((uint64_t)w->leaf->region << WIRE_REGION_SHIFT) + ((uint64_t)p << WIRE_PAGE_SHIFT);
		w->page.live_footprint = w->leaf->pages->live_footprint[p];
		w->page.live = w->page.live_footprint > 0;
		w->page.count = 0;
		(w->page.live ? walk_live : walk_free)(w, p, fn, arg);
	}
}

void shadow_blocks_each_page(const struct shadow_view *v, bool few_stacks, shadow_page_fn *fn, void *arg)
{
	struct shadow_leaf *const *leaves;
	uint32_t count = shadow_view_leaves(v, &leaves);
	struct walk w = { .tiny = shadow_view_tiny(v), .few_stacks = few_stacks };
	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || leaves[i - 1]->region + 1 != leaves[i]->region)
			w = (struct walk){ .tiny = w.tiny, .few_stacks = few_stacks };
		w.leaf = leaves[i];
		walk_leaf(&w, fn, arg);
	}
}
