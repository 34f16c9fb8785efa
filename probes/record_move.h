/* SPDX-License-Identifier: MIT */
/*
 * record_move.h - a block inside realloc. It is in no word while the real function runs,
 * since that may hand its address out again: the thread's slot shows it meanwhile.
 * begin, the real call, then undo (it failed: the block is what it was) or end.
 */
#ifndef MEMWHY_RECORD_MOVE_H
#define MEMWHY_RECORD_MOVE_H

#include "record.h"

struct record_move {
	struct record_place at;
	uint32_t head;
	struct shadow_block old;
};

static inline struct record_move record_move_begin(struct recorder r, void *p, struct record_place at, size_t bytes)
{
	struct record_move m = { at, *at.word, shadow_decode(at.word, *at.word) };
	if (unlikely(m.old.requested >= BIG_FREE_BYTES && bytes < m.old.requested))
		record_before_big_free();
	/* a vector that gives back what it had in reserve may end a maximum as a free does */
	if (bytes < m.old.requested && probe_thread_delta_is_due(r.t, r.t->delta_bytes - (int64_t)(m.old.requested - bytes)))
		probe_thread_before_fall(r.t, m.old.requested - bytes);
	r.t->inflight_requested = m.old.requested;
	r.t->inflight_footprint = m.old.footprint;
	__atomic_store_n(&r.t->inflight_address, (uint64_t)(uintptr_t)p, __ATOMIC_RELEASE);
	__atomic_store_n(at.word, m.head & ~WIRE_LIVE, __ATOMIC_RELAXED);
	shadow_touch_page(at.leaf, (uintptr_t)p);
	return m;
}

static inline void record_move_undo(struct recorder r, void *p, const struct record_move *m)
{
	__atomic_store_n(m->at.word, m->head, __ATOMIC_RELEASE);
	shadow_touch_page(m->at.leaf, (uintptr_t)p);
	__atomic_store_n(&r.t->inflight_address, 0, __ATOMIC_RELEASE);
}

/* Counts as a free of the old and an allocation of the new, with the difference only
 * in the live sum: a realloc is no maximum of both. q: NULL when it was a free. */
static inline void record_move_end(struct recorder r, const struct record_move *m, void *q, size_t bytes,
				   size_t footprint, uint32_t heap)
{
	struct wire_thread *t = r.t;
	if (q) {
		record_block(r, q, bytes, footprint, heap);
		t->allocated_bytes += bytes;
		t->allocations++;
	} else {
		bytes = 0;
	}
	__atomic_store_n(&t->inflight_address, 0, __ATOMIC_RELEASE);
	t->freed_bytes += m->old.requested;
	t->frees++;
	int64_t delta = t->delta_bytes += (int64_t)bytes - (int64_t)m->old.requested;
	if (unlikely(probe_thread_delta_is_due(t, delta)))
		probe_thread_flush(t);
}

#endif
