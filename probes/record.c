/* SPDX-License-Identifier: MIT */
/*
 * record.c - the cold ends of recording: the first call, blocks that nobody knows,
 * and frees that matter beyond their own word.
 */
#define _GNU_SOURCE
#include "record.h"
#include "bootstrap.h"
#include "introspect.h"
#include "stack.h"

/* Blocks handed out before the probe was attached (ld.so and constructors that ran
 * before environ was set); their frees are no errors. */
#define EARLY_BLOCKS 1024u
static uintptr_t early_blocks[EARLY_BLOCKS];
static uint32_t early_count;

bool record_start(void)
{
	if (probe.started != 2)
		probe_start();
	return probe.on;
}

void record_early(void *p)
{
	uint32_t at = __atomic_fetch_add(&early_count, 1, __ATOMIC_RELAXED);
	if (at < EARLY_BLOCKS)
		early_blocks[at] = (uintptr_t)p;
}

static bool take_early(void *p)
{
	uint32_t count = early_count < EARLY_BLOCKS ? early_count : EARLY_BLOCKS;
	for (uint32_t i = 0; i < count; i++)
		if (early_blocks[i] == (uintptr_t)p) {
			early_blocks[i] = 0;
			return true;
		}
	return false;
}

bool recorder_begin(struct recorder *ret)
{
	*ret = (struct recorder){ NULL, NULL };
	if (unlikely(!probe.on) && !record_start())
		return false;
	if (unlikely(__atomic_load_n(&probe.control->freeze, __ATOMIC_RELAXED))) {
		introspect_run_errands();
		probe_freeze_wait();
	}
	ret->t = probe_thread_fast();
	return ret->t != NULL;
}

/* The collector spreads a block over the leaves that it covers, so they have to be there.
 * Half of all leaves are kept for heads: one giant block that is hardly touched must not
 * end the recording. */
static void open_further_leaves(uintptr_t a, size_t footprint)
{
	uintptr_t last = (a + footprint - 1) >> WIRE_REGION_SHIFT;
	for (uintptr_t region = (a >> WIRE_REGION_SHIFT) + 1; region <= last; region++)
		if (__atomic_load_n(&probe.control->leaf_count, __ATOMIC_RELAXED) < WIRE_LEAVES_MAX / 2)
			shadow_leaf_for(region << WIRE_REGION_SHIFT);
}

/* A linked heap's are known from the start, and one that was aligned must not change them. */
static void note_tiny(struct wire_heap *heap, size_t requested, size_t footprint)
{
	if (heap->state != WIRE_HEAP_FOLLOWED || !heap->tiny_footprint[requested])
		heap->tiny_footprint[requested] = (uint8_t)footprint;
}

void record_block(struct recorder r, void *p, size_t requested, size_t footprint, uint32_t heap)
{
	bool due = unlikely(r.t->allocated_bytes + requested >= r.t->sample_at_bytes);
	record_block_again(r, p, requested, footprint, heap, due ? stack_for_block(r.t, requested, r.frame) : 0);
}

void record_block_again(struct recorder r, void *p, size_t requested, size_t footprint, uint32_t heap, uint32_t stack)
{
	uintptr_t a = (uintptr_t)p;
	char *leaf = shadow_leaf_for(a);
	if (unlikely(!leaf)) {
		__atomic_fetch_add(&probe.control->out_of_range, 1, __ATOMIC_RELAXED);
		return;
	}
	if (unlikely(shadow_crosses_region(a, footprint)))
		open_further_leaves(a, footprint);
	uint32_t *word = shadow_word(leaf, a);
	if (unlikely(*word & WIRE_LIVE))
		r.t->double_allocations++;
	uint32_t head = shadow_encode(word, requested, footprint, heap, stack);
	__atomic_store_n(word, head, __ATOMIC_RELEASE);
	shadow_touch_page(leaf, a);
	if (footprint <= 16)
		note_tiny(&probe.control->heaps[heap], requested, footprint);
}

static void count_alloc(struct wire_thread *t, size_t bytes)
{
	t->allocated_bytes += bytes;
	t->allocations++;
	int64_t delta = t->delta_bytes += (int64_t)bytes;
	if (unlikely(probe_thread_delta_is_due(t, delta)))
		probe_thread_flush(t);
}

void record_sized(struct recorder r, void *p, size_t bytes, size_t footprint, uint32_t heap)
{
	record_block(r, p, bytes, footprint, heap);
	count_alloc(r.t, bytes);
}

void record_alloc(struct recorder r, void *p, size_t bytes)
{
	if (p)
		record_sized(r, p, bytes, heap_footprint(p, bytes), 0);
}

void record_aligned(struct recorder r, void *p, size_t bytes)
{
	if (!p)
		return;
	bool glibc = heap_sizing == HEAP_GLIBC;
	record_sized(r, p, bytes, glibc ? heap_footprint(p, bytes) : heap_ask_footprint(p, bytes), 0);
}

/* The maximum is published, and the collector asked, while the block is still live. */
size_t record_free(struct recorder r, void *p, struct record_place at)
{
	struct wire_thread *t = r.t;
	uint32_t head = *at.word;
	struct shadow_block b = shadow_decode(at.word, head);
	int64_t delta = t->delta_bytes - (int64_t)b.requested;
	if (b.requested >= BIG_FREE_BYTES)
		record_before_big_free();
	if (probe_thread_delta_is_due(t, delta))
		probe_thread_flush_free(t, b.requested);
	else
		t->delta_bytes = delta;
	t->freed_bytes += b.requested;
	t->frees++;
	__atomic_store_n(at.word, head & ~WIRE_LIVE, __ATOMIC_RELAXED);
	shadow_touch_page(at.leaf, (uintptr_t)p);
	if (!shadow_crosses_page((uintptr_t)p, b.footprint))
		return 0;
	bool unmaps = heap_is_mapped_chunk(head, p);
	shadow_mark_pages((uintptr_t)p, b.footprint);
	return unmaps ? b.footprint : 0;
}

/* Callers of unknown frees are kept, for they lead to an entry point that is not hooked. */
static void note_caller(uint64_t caller, uint32_t kind)
{
	struct wire_unknown *u = probe.control->unknowns;
	for (unsigned i = 0; i < WIRE_UNKNOWNS; i++, u++) {
		uint64_t empty = 0;
		if (u->caller == caller || __atomic_compare_exchange_n(&u->caller, &empty, caller, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			u->kind = kind;
			__atomic_fetch_add(&u->count, 1, __ATOMIC_RELAXED);
			return;
		}
	}
}

/* The next sampling point stays as far away as it was: no block was allocated. */
static void move_sampling(struct wire_thread *t, uint64_t bytes)
{
	if (t->sample_at_bytes != 0 && t->sample_at_bytes != UINT64_MAX)
		t->sample_at_bytes += bytes;
}

void record_resize(struct recorder r, void *p, struct record_place at, size_t bytes)
{
	uint32_t heap = *at.word >> WIRE_HEAP_SHIFT & WIRE_HEAP_MASK;
	struct shadow_block b = shadow_decode(at.word, *at.word);
	if (b.requested == bytes || bytes > b.footprint)
		return;
	__atomic_store_n(at.word, shadow_encode(at.word, bytes, b.footprint, heap, *at.word & WIRE_STACK_MASK), __ATOMIC_RELEASE);
	shadow_touch_page(at.leaf, (uintptr_t)p);
	r.t->allocated_bytes += bytes - b.requested; /* may wrap: the sum is what counts */
	move_sampling(r.t, bytes - b.requested);
	r.t->delta_bytes += (int64_t)bytes - (int64_t)b.requested;
}

__thread void *record_being_freed;

void record_unknown(struct recorder r, void *p, bool is_realloc, void *caller)
{
	if (p == record_being_freed)
		return;
	if (take_early(p)) {
		r.t->before_hooks_frees++;
		return;
	}
	if (is_realloc)
		r.t->unknown_reallocs++;
	else
		r.t->unknown_frees++;
	note_caller((uint64_t)(uintptr_t)caller, is_realloc);
}

void record_before_big_free(void)
{
	if (__atomic_load_n(&probe.control->shrink_armed, __ATOMIC_RELAXED))
		probe_request(WIRE_REQUEST_SHRINK | PROBE_READ_FIRST, true, 200);
}

void record_unmapped(void *p, size_t footprint)
{
	shadow_forget_pages((uintptr_t)p & ~(uintptr_t)4095, footprint + 4096);
}
