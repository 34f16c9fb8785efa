/* SPDX-License-Identifier: MIT */
/*
 * See stack_figures.h. Sums are doubles: whole numbers are exact in them up to 2^53, and
 * no hostile size can overflow one. A stack's place is found by its id in one array, which
 * occupies memory only where there are ids.
 */
#include "stack_figures.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define PAGE_BYTES (1u << WIRE_PAGE_SHIFT)
#define IS_DIRTY 1u               /* in the low bits of a noted page's address */
#define IDS (WIRE_STACK_MASK + 1)

enum { LIVE, BLOCKS, ROUNDING, PINNED, PAGES, DIRTY, LIVE_VARIANCE, PINNED_VARIANCE, SUMS };
struct entry {
	uint32_t stack;
	uint64_t page;              /* the last one that it was seen on, and */
	uint32_t page_bytes;        /* how much it has there */
	double sums[SUMS];
};

struct stack_figures {
	bool sampled;
	double mean_bytes;
	uint32_t *places;           /* by id: 1 + index in entries; 0: none yet */
	struct entry *entries;
	size_t count, capacity;
	uint64_t *pages;            /* resident ones: address, IS_DIRTY */
	size_t page_count, page_capacity, next_page;
	double crossing_pinned;     /* what the block that goes on has pinned so far */
	bool no_memory;
};

int stack_figures_create(uint32_t mode, uint64_t mean_bytes, struct stack_figures **ret_figures)
{
	if ((mode != WIRE_STACKS_SAMPLED && mode != WIRE_STACKS_ALL) || (mode == WIRE_STACKS_SAMPLED && !mean_bytes))
		return -EINVAL;
	struct stack_figures *f = calloc(1, sizeof *f);
	uint32_t *places = calloc(IDS, sizeof *places);
	if (!f || !places) {
		free(f);
		free(places);
		return -ENOMEM;
	}
	f->sampled = mode == WIRE_STACKS_SAMPLED;
	f->mean_bytes = (double)mean_bytes;
	f->places = places;
	*ret_figures = f;
	return 0;
}

void stack_figures_destroy(struct stack_figures *f)
{
	if (!f)
		return;
	free(f->places);
	free(f->entries);
	free(f->pages);
	free(f);
}

void stack_figures_clear(struct stack_figures *f)
{
	for (size_t i = 0; i < f->count; i++)
		f->places[f->entries[i].stack] = 0;
	f->count = f->page_count = f->next_page = 0;
	f->crossing_pinned = 0;
	f->no_memory = false;
}

bool stack_figures_are_sampled(const struct stack_figures *f)
{
	return f->sampled;
}

int stack_figures_error(const struct stack_figures *f)
{
	return f->no_memory ? -ENOMEM : 0;
}

/* ---- what grows ---------------------------------------------------------------------- */

static bool reserve(void **items, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return true;
	size_t bigger = *capacity ? *capacity * 2 : 1024;
	void *moved = reallocarray(*items, bigger, size);
	if (!moved)
		return false;
	*items = moved;
	*capacity = bigger;
	return true;
}

/* NULL: no memory. Valid until the next call. */
static struct entry *entry_of(struct stack_figures *f, uint32_t stack)
{
	stack &= WIRE_STACK_MASK;
	if (f->places[stack])
		return &f->entries[f->places[stack] - 1];
	void *items = f->entries;
	if (!reserve(&items, &f->capacity, f->count, sizeof *f->entries)) {
		f->no_memory = true;
		return NULL;
	}
	f->entries = items;
	f->entries[f->count] = (struct entry){ .stack = stack, .page = UINT64_MAX };
	f->places[stack] = (uint32_t)++f->count;
	return &f->entries[f->count - 1];
}

void stack_figures_note_page(void *arg, uint64_t address, enum ledger_term term)
{
	struct stack_figures *f = arg;
	void *items = f->pages;
	if (!reserve(&items, &f->page_capacity, f->page_count, sizeof *f->pages)) {
		f->no_memory = true;
		return;
	}
	f->pages = items;
	f->pages[f->page_count++] = address | (term == LEDGER_T_retained_dirty ? IS_DIRTY : 0);
}

/* ---- sums ---------------------------------------------------------------------------- */

/* How many blocks one stands for; ret_missed: the probability that it had not been sampled. */
static double weight_of(const struct stack_figures *f, const struct shadow_part *part, double *ret_missed)
{
	*ret_missed = 0;
	if (!f->sampled)
		return 1;
	double size = part->requested ? (double)part->requested : 1;
	*ret_missed = exp(-size / f->mean_bytes);
	return 1 / -expm1(-size / f->mean_bytes);
}

static bool has_row(const struct stack_figures *f, const struct shadow_part *part)
{
	return !f->sampled || part->stack != 0;
}

static void add_live(struct stack_figures *f, const struct shadow_part *part)
{
	struct entry *e = entry_of(f, part->stack);
	double missed, weight = weight_of(f, part, &missed), live = weight * (double)part->requested;
	if (!e)
		return;
	e->sums[LIVE] += live;
	e->sums[BLOCKS] += weight;
	e->sums[ROUNDING] += weight * (double)(part->footprint - part->requested);
	e->sums[LIVE_VARIANCE] += live * live * missed;
}

/* A block's pinned bytes lie on its first and last page: the error is of their sum. */
static void add_pinned(struct stack_figures *f, const struct shadow_part *part, double share)
{
	struct entry *e = entry_of(f, part->stack);
	double missed, weight = weight_of(f, part, &missed), sum = share;
	if (!e)
		return;
	e->sums[PINNED] += weight * sum;
	if (!part->begins)
		sum += f->crossing_pinned;
	if (part->goes_on)
		f->crossing_pinned = sum;
	else
		e->sums[PINNED_VARIANCE] += weight * sum * weight * sum * missed;
}

static void add_dirty(struct stack_figures *f, const struct shadow_part *part, double share)
{
	struct entry *e = entry_of(f, part->stack);
	double missed;
	if (e)
		e->sums[DIRTY] += weight_of(f, part, &missed) * share;
}

/* Footprint on the page; the sampled ones' parts are perhaps not all of it. */
static uint64_t all_bytes(const struct stack_figures *f, const struct shadow_page *page)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < page->count; i++)
		all += page->parts[i].bytes;
	return f->sampled && all < page->live_footprint ? page->live_footprint : all;
}

typedef void add_share_fn(struct stack_figures *f, const struct shadow_part *part, double share);

/* Parts `bytes` among the page's blocks; each part ends where its block's share of the page's
 * footprint ends, rounded down. An estimate is not rounded: one byte may stand for a thousand. */
static void part_page(struct stack_figures *f, const struct shadow_page *page, uint64_t bytes, add_share_fn *add)
{
	uint64_t all = all_bytes(f, page), before = 0;
	for (unsigned i = 0; i < page->count; i++) {
		const struct shadow_part *part = &page->parts[i];
		uint64_t next = before + part->bytes, share = bytes * next / all - bytes * before / all;
		if (!f->sampled)
			add(f, part, (double)share);
		else if (part->stack)
			add(f, part, (double)(bytes * part->bytes) / (double)all);
		before = next;
	}
}

/* Where the sampled ones are few, who has the most is not known: each has its share of a page. */
static void add_page_shares(struct stack_figures *f, const struct shadow_page *page)
{
	double all = (double)all_bytes(f, page), missed;
	for (unsigned i = 0; i < page->count; i++) {
		const struct shadow_part *part = &page->parts[i];
		struct entry *e = has_row(f, part) ? entry_of(f, part->stack) : NULL;
		if (e)
			e->sums[PAGES] += weight_of(f, part, &missed) * part->bytes / all;
	}
}

static void find_largest_owner(struct stack_figures *f, const struct shadow_page *page)
{
	uint32_t most = 0;
	size_t owner = SIZE_MAX;
	for (unsigned i = 0; i < page->count; i++) {
		struct entry *e = entry_of(f, page->parts[i].stack);
		if (!e)
			continue;
		if (e->page != page->address)
			e->page_bytes = 0;
		e->page = page->address;
		e->page_bytes += page->parts[i].bytes;
		if (e->page_bytes > most) {
			most = e->page_bytes;
			owner = (size_t)(e - f->entries);
		}
	}
	if (owner != SIZE_MAX)
		f->entries[owner].sums[PAGES]++;
}

/* A page whose blocks are in no word any more is stack 0's: the sum is the ledger's all the same. */
static void add_resident_live(struct stack_figures *f, const struct shadow_page *page)
{
	uint32_t used = page->live_footprint < PAGE_BYTES ? page->live_footprint : PAGE_BYTES, free_bytes = PAGE_BYTES - used;
	if (!page->count && !f->sampled) {
		struct entry *e = entry_of(f, 0);
		if (e)
			e->sums[PINNED] += free_bytes;
		return;
	}
	part_page(f, page, free_bytes, add_pinned);
	if (free_bytes)
		(f->sampled ? add_page_shares : find_largest_owner)(f, page);
}

enum residence { NOT_RESIDENT, HOLDS_BLOCKS, HELD_BLOCKS };

/* As the page was noted; called with ascending addresses. */
static enum residence find_page(struct stack_figures *f, uint64_t address)
{
	const uint64_t *pages = f->pages;
	while (f->next_page < f->page_count && (pages[f->next_page] & ~(uint64_t)IS_DIRTY) < address)
		f->next_page++;
	if (f->next_page == f->page_count || (pages[f->next_page] & ~(uint64_t)IS_DIRTY) != address)
		return NOT_RESIDENT;
	return pages[f->next_page] & IS_DIRTY ? HELD_BLOCKS : HOLDS_BLOCKS;
}

void stack_figures_add_page(void *arg, const struct shadow_page *page)
{
	struct stack_figures *f = arg;
	enum residence residence = find_page(f, page->address);
	for (unsigned i = 0; page->live && i < page->count; i++)
		if (page->parts[i].begins && has_row(f, &page->parts[i]))
			add_live(f, &page->parts[i]);
	if (page->live && residence == HOLDS_BLOCKS)
		add_resident_live(f, page);
	else if (!page->live && residence == HELD_BLOCKS)
		part_page(f, page, PAGE_BYTES, add_dirty);
	else if (page->live && page->count)
		part_page(f, page, 0, add_pinned); /* a block that goes on is followed */
}

/* ---- rows ---------------------------------------------------------------------------- */

static int64_t whole(double v)
{
	return v < 0x1p62 ? (int64_t)llround(v) : INT64_MAX / 2;
}

static struct stack_figure row_of(const struct stack_figures *f, const struct entry *e)
{
	const double *s = e->sums;
	return (struct stack_figure){
		.stack = e->stack, .live_bytes = whole(s[LIVE]), .live_blocks = whole(s[BLOCKS]),
		.rounding_bytes = whole(s[ROUNDING]), .pinned_bytes = whole(s[PINNED]), .pinned_pages = whole(s[PAGES]),
		.dirty_bytes = whole(s[DIRTY]),
		.live_error_bytes = f->sampled ? whole(sqrt(s[LIVE_VARIANCE])) : -1,
		.pinned_error_bytes = f->sampled ? whole(sqrt(s[PINNED_VARIANCE])) : -1,
	};
}

int stack_figures_rows(const struct stack_figures *f, struct stack_figure **ret_rows, size_t *ret_count)
{
	struct stack_figure *rows = calloc(f->count + 1, sizeof *rows);
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < f->count; i++)
		rows[i] = row_of(f, &f->entries[i]);
	*ret_rows = rows;
	*ret_count = f->count;
	return 0;
}
