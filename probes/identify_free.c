/* SPDX-License-Identifier: MIT */
/*
 * identify_free.c - the contract of a free: what it is given comes back from the entry that
 * made it. At once where the allocator is a stack (jemalloc), else most of a
 * batch. It is always told a size that is not zero, and no flags: realloc(p, 0) frees too,
 * and sized frees need the truth.
 */
#include "identify.h"

/* All in one page of mimalloc's, which it keeps; pages that it gives up come back much later. */
#define BATCH 128
#define BATCH_BYTES 128

static void release(const struct identify_case *c, uint64_t p, uint64_t n)
{
	if (c->candidate.kind == WIRE_ENTRY_CTX_FREE)
		identify_call(c->candidate.address, c->context, p, n);
	else
		identify_call(c->candidate.address, p, n);
}

static uint64_t make_filled(const struct identify_case *c, uint32_t n)
{
	struct identify_block b;
	uint64_t p = identify_make(c->known, c->context, n);
	if (identify_is_block(p))
		identify_fill(&b, p, n);
	return p;
}

static bool is_last_out_first(const struct identify_case *c, uint32_t n)
{
	uint64_t a = make_filled(c, n), b = make_filled(c, n);
	if (!identify_is_block(a) || !identify_is_block(b) || a == b)
		return false;
	release(c, a, n);
	release(c, b, n);
	return make_filled(c, n) == b && make_filled(c, n) == a;
}

static bool is_stack(const struct identify_case *c)
{
	/* Below 256: dallocx would take a size for flags, and these bits of it mean nothing to it. */
	static const uint32_t sizes[] = { 32, 112, 240, 48 };
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++)
		if (!is_last_out_first(c, sizes[i / 2]))
			return false;
	return true;
}

static bool has(const uint64_t *sorted, size_t count, uint64_t p)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (sorted[middle] < p)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && sorted[low] == p;
}

/* How many of a new batch, in percent, were in the sorted one. */
static unsigned come_back(const struct identify_case *c, const uint64_t *sorted, unsigned count, uint32_t n)
{
	unsigned back = 0;
	for (unsigned i = 0; i < count; i++)
		back += has(sorted, count, identify_make(c->known, c->context, n));
	return back * 100 / count;
}

static bool is_batch(const struct identify_case *c)
{
	static uint64_t p[BATCH];
	for (unsigned i = 0; i < BATCH; i++)
		p[i] = make_filled(c, BATCH_BYTES);
	if (identify_spacing(p, BATCH) < BATCH_BYTES)
		return false;
	for (unsigned i = 0; i < BATCH; i++)
		release(c, p[i], BATCH_BYTES);
	return come_back(c, p, BATCH, BATCH_BYTES) >= 60;
}

bool identify_free(const struct identify_case *c)
{
	return c->flags & WIRE_IDENTIFY_LIFO ? is_stack(c) : is_batch(c);
}

bool identify_ctx_free(const struct identify_case *c)
{
	return identify_free(c);
}

/* ---- realloc, which frees as well ------------------------------------------------------ */

#define SMALL 100
#define LARGE 600
#define MOVED 128
#define LG_PAGE 12
#define PAGE 4096
#define PAGE_AND_A_HALF 5500 /* blocks of it begin with a page by accident only */

static uint64_t resize(const struct identify_case *c, uint64_t p, uint64_t old, uint64_t n)
{
	uint64_t f = c->candidate.address;
	switch (c->candidate.kind) {
	case WIRE_ENTRY_REALLOC_ALIGNED: return identify_call(f, p, n, 16);
	case WIRE_ENTRY_RECALLOC:        return identify_call(f, p, 1, n);
	case WIRE_ENTRY_CTX_REALLOC:     return identify_call(f, c->context, p, n);
	case WIRE_ENTRY_CTX_REALLOC_OLD: return identify_call(f, c->context, p, old, n);
	default:                         return identify_call(f, p, n);
	}
}

static bool keeps_contents(const struct identify_case *c)
{
	struct identify_block b;
	identify_fill(&b, identify_make(c->known, c->context, SMALL), SMALL);
	uint64_t p = resize(c, b.at, SMALL, SMALL);
	if (p != b.at && !(c->flags & WIRE_IDENTIFY_NAMED))
		return false;
	b.at = resize(c, p, SMALL, 5000);
	if (!identify_is_block(b.at) || !identify_holds(&b, SMALL))
		return false;
	identify_fill(&b, b.at, 5000);
	b.at = resize(c, b.at, 5000, 40);
	return identify_is_block(b.at) && identify_holds(&b, 40) &&
	       (c->flags & WIRE_IDENTIFY_NAMED || resize(c, b.at, 40, 1ull << 60) == 0);
}

/* What moved away leaves a free block: one that only copies doesn't. */
static bool frees_the_old(const struct identify_case *c)
{
	static uint64_t p[MOVED];
	static struct identify_block b[MOVED];
	for (unsigned i = 0; i < MOVED; i++) {
		p[i] = identify_make(c->known, c->context, SMALL);
		if (!identify_is_block(p[i]))
			return false;
		identify_fill(&b[i], p[i], SMALL);
		b[i].at = resize(c, p[i], SMALL, LARGE);
		if (!identify_is_block(b[i].at) || b[i].at == p[i])
			return false;
	}
	for (unsigned i = 0; i < MOVED; i++)
		if (!identify_holds(&b[i], SMALL))
			return false;
	/* A stack hands the same block out and in: all of p are one or two addresses. */
	if (identify_spacing(p, MOVED) == 0)
		return true;
	return come_back(c, p, MOVED, SMALL) >= 50;
}

static bool resizes(const struct identify_case *c)
{
	return keeps_contents(c) && frees_the_old(c);
}

/* From a page's start where anybody makes such blocks: mimalloc reckons from the old place. */
static uint64_t make_page(const struct identify_case *c)
{
	for (uint32_t i = 0; i < c->known_count; i++) {
		if (c->known[i].kind == WIRE_ENTRY_MALLOC_ALIGNED)
			return identify_call(c->known[i].address, SMALL, PAGE);
		if (c->known[i].kind == WIRE_ENTRY_ALIGNED_ALLOC)
			return identify_call(c->known[i].address, PAGE, SMALL);
	}
	return identify_make(c->known, c->context, SMALL);
}

/* Every block that is resized with this third argument moves to a page's start. */
static bool resizes_to_pages(const struct identify_case *c, uint64_t third)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t p = make_page(c);
		uint64_t q = identify_call(c->candidate.address, p, PAGE_AND_A_HALF, third);
		if (!identify_is_block(q) || p == q)
			return false;
		all |= q;
	}
	return all % PAGE == 0;
}

bool identify_rallocx(const struct identify_case *c)
{
	return resizes(c) && resizes_to_pages(c, LG_PAGE);
}

bool identify_realloc(const struct identify_case *c)
{
	return resizes(c) && (c->flags & WIRE_IDENTIFY_NAMED ||
	       (!resizes_to_pages(c, LG_PAGE) && !resizes_to_pages(c, PAGE)));
}

bool identify_realloc_aligned(const struct identify_case *c)
{
	return resizes(c) && resizes_to_pages(c, PAGE);
}

bool identify_recalloc(const struct identify_case *c) { return resizes(c); }
bool identify_ctx_realloc(const struct identify_case *c) { return resizes(c); }
bool identify_ctx_realloc_old(const struct identify_case *c) { return resizes(c); }
