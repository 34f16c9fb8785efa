/* SPDX-License-Identifier: MIT */
/*
 * identify_alloc.c - the contracts of what makes blocks from numbers. Any such function
 * gives six sizes, apart from each other and writable, and NULL for 2^60 bytes. Which
 * argument means what is read from the distance of many small blocks: of f(16, 64) they
 * are 16 bytes apart where the first is the size, 64 where one is an alignment or the
 * second the size, 1024 where both are multiplied. An unnamed function has to fit one only.
 */
#include "identify.h"

#define MANY 24
#define TRIES 4
#define PAGE 4096
#define LG_PAGE 12
#define TOO_MUCH (1ull << 60)

static const uint32_t sizes[] = { 16, 24, 100, 700, 5000, 40000 };
#define BLOCKS (2 * sizeof sizes / sizeof *sizes)

static bool is_named(const struct identify_case *c)
{
	return c->flags & WIRE_IDENTIFY_NAMED;
}

static bool makes_blocks(const struct identify_case *c)
{
	struct identify_block b[BLOCKS];
	for (size_t i = 0; i < BLOCKS; i++) {
		uint64_t p = identify_make(&c->candidate, c->context, sizes[i / 2]);
		if (!identify_is_block(p))
			return false;
		identify_fill(&b[i], p, sizes[i / 2]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		if (!identify_holds(&b[i], b[i].bytes))
			return false;
	/* operator new throws, which nobody would catch. */
	return is_named(c) || identify_make(&c->candidate, c->context, TOO_MUCH) == 0;
}

/* Of many blocks by the same arguments. */
static uint64_t spacing(const struct identify_case *c, uint64_t x, uint64_t y, uint64_t z)
{
	uint64_t p[MANY];
	for (size_t i = 0; i < MANY; i++)
		p[i] = identify_call(c->candidate.address, x, y, z);
	return identify_spacing(p, MANY);
}

static bool is_between(uint64_t n, uint64_t least, uint64_t below)
{
	return n >= least && n < below;
}

/* All of a few blocks begin with a page, which small blocks do by accident only. */
static bool gives_pages(const struct identify_case *c, uint64_t x, uint64_t y, uint64_t z)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t p = identify_call(c->candidate.address, x, y, z);
		if (!identify_is_block(p))
			return false;
		all |= p;
	}
	return all % PAGE == 0;
}

bool identify_malloc(const struct identify_case *c)
{
	return makes_blocks(c) && (is_named(c) ||
	       (is_between(spacing(c, 16, 64, 0), 8, 64) && !gives_pages(c, 100, LG_PAGE, 0)));
}

bool identify_mallocx(const struct identify_case *c)
{
	return makes_blocks(c) && is_between(spacing(c, 16, 64, 0), 8, 64) && gives_pages(c, 100, LG_PAGE, 0);
}

bool identify_malloc_aligned(const struct identify_case *c)
{
	return makes_blocks(c) && is_between(spacing(c, 16, 64, 0), 64, 512) && gives_pages(c, 100, PAGE, 0);
}

bool identify_aligned_alloc(const struct identify_case *c)
{
	struct identify_block a, b;
	if (!makes_blocks(c) || !gives_pages(c, PAGE, 100, 0))
		return false;
	identify_fill(&a, identify_call(c->candidate.address, 64, 700), 700);
	identify_fill(&b, identify_call(c->candidate.address, 64, 700), 700);
	return identify_holds(&a, 700) && identify_holds(&b, 700) && is_between(spacing(c, 64, 16, 0), 64, 512);
}

/* Whatever else it is called with, and one after the other where pages are free. */
bool identify_valloc(const struct identify_case *c)
{
	return makes_blocks(c) && gives_pages(c, 16, 0, 0) && gives_pages(c, 16, 64, 1) && gives_pages(c, 5000, 3, 0);
}

/* Blocks that were used and freed, if anybody is known to free them, come back as zeros. */
static bool gives_zeros(const struct identify_case *c, uint64_t x, uint64_t y, uint64_t z)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t p = identify_call(c->candidate.address, x, y, z);
		if (!identify_is_block(p))
			return false;
		for (uint64_t k = 0; k < x * y; k++)
			if (((volatile uint8_t *)p)[k])
				return false;
	}
	return true;
}

static void soil(const struct identify_case *c)
{
	const struct identify_entry *f = NULL;
	for (uint32_t i = 0; i < c->known_count && !f; i++)
		if (c->known[i].kind == WIRE_ENTRY_FREE)
			f = &c->known[i];
	for (unsigned i = 0; f && i < 2 * TRIES; i++) {
		struct identify_block b;
		identify_fill(&b, identify_make(c->known, c->context, 1024), 1024);
		identify_call(f->address, b.at, 1024, 0);
	}
}

bool identify_calloc(const struct identify_case *c)
{
	if (!makes_blocks(c) || spacing(c, 16, 64, 0) < 1024 || spacing(c, 64, 16, 0) < 1024)
		return false;
	soil(c);
	return is_named(c) || (gives_zeros(c, 16, 64, 0) && identify_call(c->candidate.address, 1ull << 33, 1ull << 33) == 0);
}

bool identify_calloc_aligned(const struct identify_case *c)
{
	return makes_blocks(c) && spacing(c, 16, 64, 64) >= 1024 && gives_pages(c, 4, 25, PAGE);
}

bool identify_posix_memalign(const struct identify_case *c)
{
	static uint64_t slot;
	if (!makes_blocks(c))
		return false;
	for (unsigned i = 0; i < TRIES; i++) {
		slot = 0;
		if ((uint32_t)identify_call(c->candidate.address, (uintptr_t)&slot, PAGE, 100) != 0 ||
		    !identify_is_block(slot) || slot % PAGE)
			return false;
	}
	return (uint32_t)identify_call(c->candidate.address, (uintptr_t)&slot, 3, 100) == 22; /* EINVAL */
}

bool identify_ctx_malloc(const struct identify_case *c)
{
	return makes_blocks(c) && is_between(spacing(c, c->context, 16, 0), 8, 64);
}

bool identify_ctx_calloc(const struct identify_case *c)
{
	return makes_blocks(c) && spacing(c, c->context, 16, 64) >= 1024;
}

bool identify_still_answers(const struct identify_case *c)
{
	uint64_t p[2] = { identify_make(c->known, c->context, 64), identify_make(c->known, c->context, 64) };
	return identify_spacing(p, 2) >= 64;
}
