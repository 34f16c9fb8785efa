/* SPDX-License-Identifier: MIT */
/*
 * Walks runs of page states under mappings, both ascending. Where a leaf of the shadow
 * covers them pages are looked at one by one, elsewhere in pieces that one answer fits.
 */
#include "page_classify.h"
#include "mapping_kind.h"

#include <errno.h>
#include <stdlib.h>

#define LIBC_MMAP_THRESHOLD (128u << 10) /* glibc's smallest block with a mapping of its own */

struct walk {
	const struct classify_input *in;
	struct classify_result *r;
	const struct platform_mapping *m;
	const struct mapping_traits *traits;
	struct classify_mapping *sums;
	size_t record;                    /* first record that ends behind the current address */
	uint64_t region;                  /* of pages */
	const struct shadow_pages *pages; /* NULL: no block was ever there */
};

/* One piece: same answer for all its pages. */
struct piece {
	uint64_t start, end;
	uint32_t states;
	uint32_t owner;            /* of the mmap record; 0: none */
	uint32_t requested, footprint;
	bool ever;
};

static const struct shadow_pages *pages_at(struct walk *w, uint64_t address)
{
	uint64_t region = address >> WIRE_REGION_SHIFT;
	if (region != w->region) {
		w->region = region;
		w->pages = w->in->shadow ? shadow_view_pages(w->in->shadow, region) : NULL;
	}
	return w->pages;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Cuts p->end where the owner changes, and sets it. */
static void find_owner(struct walk *w, struct piece *p)
{
	const struct region_map *records = w->in->records;
	p->owner = 0;
	if (!records)
		return;
	while (w->record < records->count && records->items[w->record].end <= p->start)
		w->record++;
	if (w->record == records->count)
		return;
	const struct region *r = &records->items[w->record];
	if (r->start <= p->start)
		p->owner = r->owner;
	p->end = lower(p->end, r->start <= p->start ? r->end : r->start);
}

static void cut_at(struct piece *p, uint64_t border)
{
	if (border > p->start)
		p->end = lower(p->end, border);
}

/* The longest piece from start that one answer fits. */
static struct piece next_piece(struct walk *w, uint64_t start, uint64_t end, uint32_t states)
{
	struct piece p = { .start = start, .end = end, .states = states };
	const struct shadow_pages *pages = pages_at(w, start);
	find_owner(w, &p);
	if (pages) {
		uint32_t page = start >> PLATFORM_PAGE_SHIFT & (WIRE_PAGES - 1);
		p.end = start + PLATFORM_PAGE_BYTES;
		p.requested = pages->live_requested[page];
		p.footprint = pages->live_footprint[page];
		p.ever = pages->ever[page];
		return p;
	}
	if (w->in->shadow)
		cut_at(&p, (w->region + 1) << WIRE_REGION_SHIFT);
	cut_at(&p, w->traits->stack_end);
	cut_at(&p, w->traits->tls_start);
	cut_at(&p, w->traits->tls_end);
	return p;
}

static bool is_in_stack(const struct mapping_traits *t, const struct piece *p)
{
	if (p->start < t->stack_end)
		return t->is_guarded || !p->ever; /* without a guard it may be a stack of long ago */
	return p->start >= t->tls_start && p->start < t->tls_end;
}

static enum ledger_term term_of_allocator(const struct piece *p)
{
	if (p->ever)
		return LEDGER_T_retained_dirty;
	return p->states & PLATFORM_PAGE_HUGE ? LEDGER_T_huge_fill : LEDGER_T_allocator_metadata;
}

/* Anonymous pages without a live block; the order is the precedence of page_classify.h. */
static enum ledger_term term_of_anonymous(const struct mapping_traits *t, const struct piece *p)
{
	if (p->owner == WIRE_OWNER_PROGRAM)
		return LEDGER_T_program_mmap;
	if (p->owner == WIRE_OWNER_ALLOCATOR)
		return term_of_allocator(p);
	if (is_in_stack(t, p))
		return LEDGER_T_stacks;
	if (p->ever)
		return LEDGER_T_retained_dirty;
	if (t->kind == MAPPING_BSS)
		return t->is_probe_bss ? LEDGER_T_probe : LEDGER_T_file_backed;
	if (t->is_arena)
		return term_of_allocator(p);
	return t->may_be_stack || t->has_tls ? LEDGER_T_stacks : LEDGER_T_unexplained;
}

static enum ledger_term term_of_piece(const struct mapping_traits *t, const struct piece *p)
{
	switch (t->kind) {
	case MAPPING_PROBE:
		return LEDGER_T_probe;
	case MAPPING_FILE:
	case MAPPING_VDSO:
		return LEDGER_T_file_backed;
	case MAPPING_SHARED:
		return LEDGER_T_shared_memory;
	case MAPPING_STACK:
		return LEDGER_T_stacks;
	default:
		return term_of_anonymous(t, p);
	}
}

static void tell_page(const struct walk *w, const struct piece *p, enum ledger_term term)
{
	if (w->in->each_page)
		w->in->each_page(w->in->each_page_arg, p->start, term);
}

static void add_live_piece(struct walk *w, const struct piece *p)
{
	int64_t *bytes = w->r->bytes;
	bytes[LEDGER_T_live_requested_resident] += p->requested;
	if (w->traits->kind == MAPPING_PROBE || w->traits->is_probe_bss) {
		bytes[LEDGER_T_probe] += (int64_t)PLATFORM_PAGE_BYTES - p->requested;
		return;
	}
	bytes[LEDGER_T_rounding] += p->footprint - p->requested;
	bytes[LEDGER_T_fragmentation] += (int64_t)PLATFORM_PAGE_BYTES - p->footprint;
	tell_page(w, p, LEDGER_T_fragmentation);
}

static void add_resident_piece(struct walk *w, const struct piece *p)
{
	int64_t size = (int64_t)(p->end - p->start);
	int64_t *bytes = w->r->bytes;
	w->r->resident_bytes += size;
	w->sums->resident_bytes += size;
	if (p->states & PLATFORM_PAGE_DOUBT) {
		w->r->doubtful_bytes += size;
		w->sums->doubtful_bytes += size;
	}
	if ((p->states & (PLATFORM_PAGE_HUGE | PLATFORM_PAGE_FILE)) == PLATFORM_PAGE_HUGE)
		bytes[LEDGER_T_anon_huge_pages] += size;
	if (p->footprint) {
		add_live_piece(w, p);
		return;
	}
	enum ledger_term term = term_of_piece(w->traits, p);
	if (term == LEDGER_T_unexplained) {
		w->sums->unclaimed_bytes += size; /* the ledger takes its remainder from rss, not from here */
		return;
	}
	bytes[term] += size;
	if (term == LEDGER_T_file_backed && !(p->states & PLATFORM_PAGE_FILE) && w->traits->kind != MAPPING_VDSO)
		bytes[LEDGER_T_file_private_dirty] += size;
	if (term == LEDGER_T_retained_dirty) {
		w->sums->dirty_bytes += size;
		tell_page(w, p, term);
	}
	if (term == LEDGER_T_allocator_metadata)
		w->sums->fill_candidate_bytes += size;
}

/* In RSS? Device memory in a shared mapping is present, but of no file. */
static bool is_counted(const struct walk *w, uint32_t states)
{
	if (w->traits->kind == MAPPING_UNCOUNTED || !(states & PLATFORM_PAGE_PRESENT) || states & PLATFORM_PAGE_ZERO)
		return false;
	return !w->m->shared || states & PLATFORM_PAGE_FILE;
}

static void add_run(struct walk *w, uint64_t start, uint64_t end, uint32_t states)
{
	bool counted = is_counted(w, states);
	bool swapped = states & PLATFORM_PAGE_SWAPPED;
	if (!counted && !swapped)
		return;
	for (uint64_t at = start; at < end;) {
		struct piece p = next_piece(w, at, end, states);
		if (counted)
			add_resident_piece(w, &p);
		else
			w->r->bytes[LEDGER_T_live_swapped] += p.requested;
		at = p.end;
	}
}

/* Not more than the block that is copied there, the allocator's header and a page. */
static void claim_moving_block(struct walk *w)
{
	int64_t bytes = w->sums->unclaimed_bytes;
	bool is_whole = bytes == w->sums->resident_bytes && w->traits->kind == MAPPING_ANON;
	if (!is_whole || bytes == 0 || w->m->end - w->m->start < LIBC_MMAP_THRESHOLD ||
	    (uint64_t)bytes > w->in->moving_bytes + 2 * PLATFORM_PAGE_BYTES)
		return;
	w->r->bytes[LEDGER_T_allocator_metadata] += bytes;
	w->sums->unclaimed_bytes = 0;
}

static int reserve_mappings(struct classify_result *r, size_t count)
{
	if (count > r->mapping_capacity) {
		struct classify_mapping *moved = realloc(r->mappings, count * sizeof *moved);
		if (!moved)
			return -ENOMEM;
		r->mappings = moved;
		r->mapping_capacity = count;
	}
	return 0;
}

int page_classify(const struct classify_input *input, struct classify_result *ret_result)
{
	struct classify_result *r = ret_result;
	int rc = reserve_mappings(r, input->mappings->count);
	if (rc < 0)
		return rc;
	*r = (struct classify_result){ .mappings = r->mappings, .mapping_capacity = r->mapping_capacity };
	struct walk w = { .in = input, .r = r, .region = UINT64_MAX };
	struct mapping_traits traits[2] = { 0 };
	const struct platform_runs *runs = input->runs;
	for (size_t i = 0, run = 0; i < input->mappings->count; i++) {
		w.m = &input->mappings->items[i];
		traits[i & 1] = mapping_find_traits(input, i, i ? &traits[~i & 1] : NULL);
		w.traits = &traits[i & 1];
		w.sums = &r->mappings[i];
		bool is_stack = w.traits->stack_end || w.traits->may_be_stack;
		*w.sums = (struct classify_mapping){ .kind = is_stack ? MAPPING_STACK : w.traits->kind };
		while (run < runs->count && runs->items[run].end <= w.m->start)
			run++;
		for (size_t k = run; k < runs->count && runs->items[k].start < w.m->end; k++) {
			const struct platform_run *at = &runs->items[k];
			add_run(&w, at->start > w.m->start ? at->start : w.m->start, lower(at->end, w.m->end),
				at->states);
		}
		if (input->moving_bytes)
			claim_moving_block(&w);
	}
	return 0;
}

void classify_result_finish(struct classify_result *r)
{
	free(r->mappings);
	*r = (struct classify_result){ 0 };
}

const char *mapping_kind_name(enum mapping_kind k)
{
	static const char *const names[MAPPING_KINDS] = {
		[MAPPING_ANON] = "anon", [MAPPING_HEAP] = "heap", [MAPPING_STACK] = "stack",
		[MAPPING_FILE] = "file", [MAPPING_BSS] = "file", [MAPPING_SHARED] = "shared",
		[MAPPING_PROBE] = "probe", [MAPPING_VDSO] = "special", [MAPPING_UNCOUNTED] = "special",
	};
	return (unsigned)k < MAPPING_KINDS && names[k] ? names[k] : "anon";
}
