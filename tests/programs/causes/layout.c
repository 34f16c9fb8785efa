/* SPDX-License-Identifier: MIT */
/*
 * layout.c - live blocks, and how they lie.
 *
 * pinned-slabs:  in each of a dozen size classes many blocks come, and all but about one a page go:
 *                the next class cannot use those pages. Fixed: what survives comes first.
 * pinned-chunks: the same for an allocator that cuts any size out of one heap (glibc): blocks of about
 *                a page are shrunk in place, and each round's are larger than the holes so far. (A
 *                small survivor between large temporary blocks would go into a hole, and pin nothing.)
 * rounding-N:    blocks of N bytes, just above a size class; fixed has the same bytes in blocks of 1 KiB.
 * growth:        a little more lives at each step; fixed frees each step's blocks.
 * plateau-N, replace, tiny: nothing wrong. start: it grows as in growth, and then is done growing.
 */
#include "cause.h"

static const short classes[] = { 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448 };

/* Frees all but the first block on each page; what is kept goes in front of `kept`. */
static struct block *thin_out(struct block *all, struct block *kept)
{
	uintptr_t page = 0;
	while (all) {
		struct block *next = all->next;
		if ((uintptr_t)all / PAGE != page) {
			page = (uintptr_t)all / PAGE;
			all->next = kept;
			kept = all;
		} else {
			free(all);
		}
		all = next;
	}
	return kept;
}

static void pinned_slabs(long window, int fixed)
{
	struct block *kept = NULL;
	for (size_t i = 0; fixed && i < COUNT(classes); i++)
		kept = cause_fill(kept, window / (long)PAGE * classes[i], (size_t)classes[i]);
	for (size_t i = 0; i < COUNT(classes); i++) {
		/* In parts: the last one's freed pages stay with some allocators, and are no survivors' pages. */
		for (int part = 0; fixed && part < 8; part++)
			cause_free_all(cause_fill(NULL, window / 8, (size_t)classes[i]));
		if (!fixed)
			kept = thin_out(cause_fill(NULL, window, (size_t)classes[i]), kept);
	}
	cause_hold_ms(50);
}

enum { PER_ROUND = 1024, ROUNDS = 15, SURVIVOR = 48 };

static void shrink_round(size_t size, int fixed)
{
	static struct block *block[PER_ROUND];
	for (int i = 0; i < PER_ROUND; i++)
		block[i] = cause_block(size);
	for (int i = 0; i < PER_ROUND; i++)
		if (fixed)
			free(block[i]);
		else
			block[i] = must_not_be_null(realloc(block[i], SURVIVOR));
}

static void pinned_chunks(long size, int fixed)
{
	if (fixed)
		cause_fill(NULL, PER_ROUND * ROUNDS * SURVIVOR, SURVIVOR);
	for (size_t i = 0; i < ROUNDS; i++)
		shrink_round((size_t)size + 32 * i, fixed);
	cause_hold_ms(50);
}

static void rounding(long size, int fixed)
{
	cause_fill(NULL, 40 * MIB, fixed ? 1024 : (size_t)size);
	cause_hold_ms(400);
}

static void growth(long size, int fixed)
{
	for (int i = 0; i < 120; i++) {
		struct block *step = cause_fill(NULL, MIB / 2, (size_t)size);
		if (fixed)
			cause_free_all(step);
		cause_hold_ms(4);
	}
}

static void start(long size, int fixed)
{
	(void)fixed;
	for (int i = 0; i < 40; i++) {
		cause_fill(NULL, MIB, (size_t)size);
		cause_hold_ms(3);
	}
	cause_hold_ms(400);
}

static void plateau(long size, int fixed)
{
	(void)fixed;
	cause_fill(NULL, 64 * MIB, (size_t)size);
	cause_hold_ms(400);
}

/* A steady set of blocks of one size, in which old ones make place for new ones. */
static void replace(long size, int fixed)
{
	static struct block *slot[40 * 1024];
	uint64_t random = 1;
	(void)fixed;
	for (size_t i = 0; i < COUNT(slot); i++)
		slot[i] = cause_block((size_t)size);
	for (int i = 0; i < 200000; i++) {
		size_t at = next_random(&random) % COUNT(slot);
		free(slot[at]);
		slot[at] = cause_block((size_t)size);
	}
	cause_hold_ms(250);
}

static void tiny(long size, int fixed)
{
	(void)fixed;
	cause_fill(NULL, size, 64);
	cause_hold_ms(20);
}

const struct cause causes_layout[] = {
	{ "pinned-slabs", pinned_slabs, 5 * MIB },
	{ "pinned-chunks", pinned_chunks, 3600 },
	{ "rounding-17", rounding, 17 },
	{ "rounding-25", rounding, 25 },
	{ "rounding-65", rounding, 65 },
	{ "rounding-2049", rounding, 2049 },
	{ "growth", growth, 1024 },
	{ "growth-large", growth, 128 * KIB },
	{ "start", start, 1024 },
	{ "plateau", plateau, 1024 },
	{ "plateau-large", plateau, 4 * MIB },
	{ "replace", replace, 1024 },
	{ "tiny", tiny, 64 * KIB },
	{ NULL, NULL, 0 },
};
