/* SPDX-License-Identifier: MIT */
/*
 * retained.c - memory that was freed, and what keeps it resident or not.
 *
 * burst:   a plateau, all freed, the end: no time for any decay.
 * cycles:  plateaus, freed again and again, with pauses shorter than the decay in which the
 *          allocator is called often enough to purge.
 * idle:    a plateau for most of the time, all freed, then no call at all for longer than the decay.
 * spike:   live itself goes up for a moment; fixed does the same work in pieces.
 * trapped: a plateau, freed but for its last block: glibc's heap shrinks only from its top.
 *          Fixed makes that block first. (The blocks are too large for its thread cache, which would trap
 *          the heap's top as well.)
 * raised:  a large block is freed, which raises glibc's mmap and trim thresholds: the blocks that
 *          follow lie in the heap, and stay when they are freed, though nothing is above them.
 * buffer:  the same with one block, made and freed twice.
 */
#include "cause.h"

static void burst(long size, int fixed)
{
	(void)fixed;
	struct block *all = cause_fill(NULL, 64 * MIB, (size_t)size);
	cause_hold_ms(300);
	cause_free_all(all);
}

/* Allocator calls beyond any thread cache, for about `ms`, with nothing kept. */
static void tick(long ms)
{
	for (long at = 0; at < ms; at++) {
		for (int i = 0; i < 20; i++)
			free(must_not_be_null(malloc(48 * KIB)));
		cause_hold_ms(1);
	}
}

static void cycles(long size, int fixed)
{
	(void)fixed;
	for (int i = 0; i < 8; i++) {
		struct block *all = cause_fill(NULL, 48 * MIB, (size_t)size);
		cause_hold_ms(10);
		cause_free_all(all);
		tick(80);
	}
}

static void idle(long size, int fixed)
{
	(void)fixed;
	struct block *all = cause_fill(NULL, 64 * MIB, (size_t)size);
	cause_hold_ms(600);
	cause_free_all(all);
	cause_hold_ms(400);
}

static void spike(long size, int fixed)
{
	struct block *base = cause_fill(NULL, 2 * MIB, 1024);
	cause_hold_ms(250);
	for (int i = 0; i < (fixed ? 64 : 1); i++) {
		struct block *all = cause_fill(NULL, fixed ? MIB : 64 * MIB, fixed ? (size_t)MIB : (size_t)size);
		cause_hold_ms(fixed ? 1 : 40);
		cause_free_all(all);
	}
	cause_hold_ms(250);
	cause_free_all(base);
}

static void trapped(long size, int fixed)
{
	static struct block *last;
	if (fixed)
		last = cause_block((size_t)size);
	struct block *all = cause_fill(NULL, 64 * MIB, (size_t)size);
	if (!fixed)
		last = cause_block((size_t)size);
	cause_hold_ms(300);
	cause_free_all(all);
	cause_hold_ms(50);
	last->next = NULL;
}

static void raised(long size, int fixed)
{
	(void)fixed;
	free(must_not_be_null(malloc(30 * MIB)));
	struct block *all = cause_fill(NULL, 54 * MIB, (size_t)size);
	cause_hold_ms(300);
	cause_free_all(all);
	cause_hold_ms(50);
}

static void buffer(long size, int fixed)
{
	(void)fixed;
	for (int i = 0; i < 2; i++) {
		struct block *b = cause_block((size_t)size);
		cause_hold_ms(100);
		free(b);
	}
}

const struct cause causes_retained[] = {
	{ "burst", burst, 64 * KIB },
	{ "burst-small", burst, 256 },
	{ "cycles", cycles, 64 * KIB },
	{ "idle", idle, 64 * KIB },
	{ "idle-small", idle, 2048 },
	{ "spike", spike, 8 * MIB },
	{ "trapped", trapped, 1100 },
	{ "trapped-large", trapped, 100 * KIB },
	{ "raised", raised, 3 * MIB },
	{ "buffer", buffer, 30 * MIB },
	{ NULL, NULL, 0 },
};
