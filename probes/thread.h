/* SPDX-License-Identifier: MIT */
/*
 * thread.h - this thread's slot in the shared counters.
 *
 * A slot is taken at a thread's first allocation and never given back: a slot whose
 * thread is gone is found by its tid when a new thread needs one. So no destructor
 * runs in the target, and a thread may allocate as late as it likes.
 */
#ifndef MEMWHY_THREAD_H
#define MEMWHY_THREAD_H

#include "probe.h"

extern __thread struct wire_thread *probe_thread_slot __attribute__((visibility("hidden")));

/* Slow path of probe_thread(). */
struct wire_thread *probe_thread_acquire(void);
/* The slot belongs to another map (the parent's): take a new one at the next use. */
void probe_thread_forget(void);
/* Before a free of `bytes` that would bring the thread's pending delta to its limit:
 * publishes the maximum so far, asks for a snapshot if this free ends a maximum, then
 * books the free. The block must still be live in the shadow. */
void probe_thread_flush_free(struct wire_thread *t, size_t bytes);
/* Before a realloc that takes `bytes` off a block: likewise, but nothing is booked. */
void probe_thread_before_fall(struct wire_thread *t, size_t bytes);

static inline struct wire_thread *probe_thread_fast(void)
{
	struct wire_thread *t = probe_thread_slot;
	return likely(t != NULL) ? t : probe_thread_acquire();
}

/* Books bytes more (or fewer) in use; true when the pending sum wants publishing. */
static inline bool probe_thread_delta_is_due(const struct wire_thread *t, int64_t delta)
{
	return (uint64_t)(delta + t->flush_bytes) > 2 * (uint64_t)t->flush_bytes;
}

#endif
