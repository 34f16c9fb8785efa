/* SPDX-License-Identifier: MIT */
/*
 * record.h - what a hook does around the real call: books blocks into the shadow and
 * this thread's counters.
 *
 * Hot and cold: the inline record_hot_* book the common block (plane A, over 16 bytes,
 * under 64 KiB, leaf there, nothing to publish) and change nothing when they return
 * false; the caller then tail-calls the general, out-of-line function. So the hot path
 * saves no registers. Recording functions take a struct recorder, which only
 * recorder_begin() makes: a hook can't record without having asked whether it may.
 */
#ifndef MEMWHY_RECORD_H
#define MEMWHY_RECORD_H

#include "heap.h"
#include "shadow.h"
#include "thread.h"

struct recorder {
	struct wire_thread *t;
	const void *frame; /* whose caller a stack begins with (recorder_here()), or NULL */
};
/* A live block as the shadow has it; word is NULL when it has none. */
struct record_place { uint32_t *word; char *leaf; };

/* Blocks of this size and more may be unmapped by their free. */
#define BIG_FREE_BYTES 65536u
#define COLD __attribute__((noinline, cold))

/* First call of all: attaches the probe. */
COLD bool record_start(void);
/* A block handed out before the probe was on: its free is no error. */
COLD void record_early(void *p);
/* Books a block that the allocator just handed out; NULL is fine. Keeps errno. */
__attribute__((noinline)) void record_alloc(struct recorder r, void *p, size_t bytes);
/* Likewise with an alignment asked for: the size class depends on it too. */
__attribute__((noinline)) void record_aligned(struct recorder r, void *p, size_t bytes);
/* Likewise a block whose footprint the caller knows, of any heap (an index into heaps[]). */
void record_sized(struct recorder r, void *p, size_t bytes, size_t footprint, uint32_t heap);
/* The block's words, and its stack if one is due; no counters: they still are what they were. */
void record_block(struct recorder r, void *p, size_t requested, size_t footprint, uint32_t heap);
/* The words alone: a block that is what it was. stack: its id. */
void record_block_again(struct recorder r, void *p, size_t requested, size_t footprint, uint32_t heap, uint32_t stack);
/* A block that is booked already turns out to have been asked for with another size. */
void record_resize(struct recorder r, void *p, struct record_place at, size_t bytes);
/* Set around a real operator delete: jemalloc's calls free() through its own import, and
 * that free, of a block that is out of the shadow already, is no unknown one. */
extern __thread void *record_being_freed __attribute__((visibility("hidden")));
/* A free or realloc of a block that is not in the shadow. */
COLD void record_unknown(struct recorder r, void *p, bool is_realloc, void *caller);
/* Lets the collector look before memory may be unmapped. */
COLD void record_before_big_free(void);
/* glibc unmapped a chunk of its own by an internal call that no hook sees. */
void record_unmapped(void *p, size_t footprint);

static inline struct record_place record_find(void *p)
{
	struct record_place at = { NULL, shadow_find_leaf((uintptr_t)p) };
	if (likely(at.leaf != NULL)) {
		uint32_t *word = shadow_word(at.leaf, (uintptr_t)p);
		at.word = likely(*word & WIRE_LIVE) ? word : NULL;
	}
	return at;
}

/* Takes a block that record_find() found out of the shadow, before its real free. Not 0: its
 * pages are unmapped by that free, and record_unmapped() is due after it, with this size;
 * until then they count as dirty. */
size_t record_free(struct recorder r, void *p, struct record_place at);

static inline bool record_is_ready(struct wire_thread *t)
{
	return likely(probe.on) && likely(t != NULL) &&
	       likely(!__atomic_load_n(&probe.control->freeze, __ATOMIC_RELAXED));
}

/* False: forward only. May wait while the collector holds the hooks. */
bool recorder_begin(struct recorder *ret);

#define HOT __attribute__((always_inline)) static inline

/* For a booking by a function that does something more after it, so that its frame is there:
 * the stack begins at that function's caller instead of deep inside the probe. */
HOT struct recorder recorder_here(struct recorder r)
{
	r.frame = __builtin_frame_address(0);
	return r;
}

/* heap is shifted to its place in the head already. */
HOT bool record_hot_block(char *leaf, uintptr_t a, size_t bytes, size_t footprint, uint32_t heap)
{
	struct wire_thread *t = probe_thread_slot; /* read again: cheaper than kept over the call */
	size_t slack = footprint - bytes;
	int64_t delta = t->delta_bytes + (int64_t)bytes;
	uint32_t *word = shadow_word_even(leaf, a);
	if (unlikely(footprint <= 16 || slack > WIRE_SLACK_MAX || delta > t->flush_bytes ||
		     t->allocated_bytes + bytes >= t->sample_at_bytes || shadow_crosses_region(a, footprint) || (*word & WIRE_LIVE)))
		return false;
	t->delta_bytes = delta;
	t->allocated_bytes += bytes;
	t->allocations++;
	word[1] = (uint32_t)(slack << WIRE_SIZE_BITS | bytes);
	__atomic_store_n(word, WIRE_LIVE | WIRE_TAG_LONG << WIRE_TAG_SHIFT | heap, __ATOMIC_RELEASE);
	shadow_touch_page_even(leaf, a);
	return true;
}

/* After record_is_ready() and the real call; a probe that was turned off since still has
 * its map. NULL has no leaf. */
HOT bool record_hot_alloc(void *p, size_t bytes)
{
	uintptr_t a = (uintptr_t)p;
	if (unlikely((a & 8) || bytes >= BIG_FREE_BYTES))
		return false;
	char *leaf = shadow_find_leaf(a);
	return likely(leaf != NULL) && record_hot_block(leaf, a, bytes, heap_footprint_hot(p, bytes), 0);
}

/* Blocks of BIG_FREE_BYTES and the long form span pages, so one test sends both away. */
HOT bool record_hot_free(void *p)
{
	struct wire_thread *t = probe_thread_slot;
	uintptr_t a = (uintptr_t)p;
	if (unlikely(!record_is_ready(t) || (a & 8)))
		return false;
	char *leaf = shadow_find_leaf(a);
	if (unlikely(!leaf))
		return false;
	uint32_t *word = shadow_word_even(leaf, a), head = *word, one = word[1];
	size_t bytes = one & WIRE_SIZE_LONG, footprint = bytes + (one >> WIRE_SIZE_BITS);
	int64_t delta = t->delta_bytes - (int64_t)bytes;
	if (unlikely(head >> WIRE_TAG_SHIFT != (WIRE_LIVE >> WIRE_TAG_SHIFT | WIRE_TAG_LONG) ||
		     shadow_crosses_page(a, footprint) || delta + t->flush_bytes < 0))
		return false;
	t->delta_bytes = delta;
	t->freed_bytes += bytes;
	t->frees++;
	__atomic_store_n(word, head & ~WIRE_LIVE, __ATOMIC_RELAXED);
	shadow_touch_page_even(leaf, a);
	return true;
}

#endif
