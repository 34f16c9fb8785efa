/* SPDX-License-Identifier: MIT */
/*
 * linked_hooks.c - the hooks that hand out and take back blocks of linked allocators; those
 * that change them are in linked_realloc.c. As in malloc_hooks.c the common block is booked
 * inline, and a free is booked before the real call. Blocks of up to 16 bytes, which glibc
 * does not have, are common here: they have a fast way of their own.
 */
#include "linked_call.h"

#include <errno.h>

__thread uintptr_t linked_inside;

#define CALLER __builtin_return_address(0)

/* At any multiple of 8; the size is in the head, the footprint in the heap's table. */
HOT bool hot_tiny(char *leaf, uintptr_t a, size_t bytes, uint32_t heap)
{
	struct wire_thread *t = probe_thread_slot;
	uint32_t *word = shadow_word(leaf, a);
	int64_t delta = t->delta_bytes + (int64_t)bytes;
	if (unlikely(delta > t->flush_bytes || t->allocated_bytes + bytes >= t->sample_at_bytes ||
		     (*word & WIRE_LIVE)))
		return false;
	t->delta_bytes = delta;
	t->allocated_bytes += bytes;
	t->allocations++;
	__atomic_store_n(word, WIRE_LIVE | (uint32_t)bytes << WIRE_TAG_SHIFT | heap, __ATOMIC_RELEASE);
	shadow_touch_page(leaf, a);
	return true;
}

HOT bool hot_new(void *p, struct linked_request q, uint32_t heap)
{
	uintptr_t a = (uintptr_t)p;
	if (unlikely(q.bytes > SIZE_TABLE_MAX || q.alignment > 1) &&
	    (q.bytes > SIZE_TABLE_MAX || q.alignment > linked_heaps[heap].plain_alignment))
		return false;
	char *leaf = shadow_find_leaf(a);
	if (unlikely(!leaf))
		return false;
	size_t footprint = linked_footprint_hot(heap, q.bytes);
	if (footprint - 1 < 16) /* not 0, which stands for unknown */
		return hot_tiny(leaf, a, q.bytes, heap << WIRE_HEAP_SHIFT);
	return likely(!(a & 8)) && record_hot_block(leaf, a, q.bytes, footprint, heap << WIRE_HEAP_SHIFT);
}

__attribute__((noinline)) uint64_t linked_book(void *p, struct linked_request q, uint32_t heap)
{
	struct recorder r;
	int saved = errno;
	if (p && recorder_begin(&r))
		record_sized(recorder_here(r), p, q.bytes, linked_footprint(heap, p, q.bytes, q.alignment), heap);
	errno = saved;
	return (uintptr_t)p;
}

/* Handed out between the patch and the attach's end: its free will be no error. */
static uint64_t noted_early(uint64_t p)
{
	if (p && probe.started != 2)
		record_early((void *)(uintptr_t)p);
	return p;
}

COLD uint64_t linked_new(LINKED_PARAMETERS)
{
	struct recorder r;
	if (linked_is_inside())
		return x->real(a, b, c, d, e);
	if (!recorder_begin(&r))
		return noted_early(x->real(a, b, c, d, e));
	void *p = (void *)(uintptr_t)linked_call(LINKED_ARGUMENTS);
	return linked_book(p, linked_requested(x->kind, a, b, c, d), x->heap);
}

HOT uint64_t new_hook(uint32_t kind, LINKED_PARAMETERS)
{
	if (unlikely(!linked_may_record()))
		return linked_new(LINKED_ARGUMENTS);
	void *p = (void *)(uintptr_t)linked_call(LINKED_ARGUMENTS);
	struct linked_request q = linked_requested(kind, a, b, c, d);
	return likely(hot_new(p, q, x->heap)) ? (uintptr_t)p : linked_book(p, q, x->heap);
}

static uint64_t hook_posix_memalign(LINKED_PARAMETERS)
{
	struct recorder r;
	if (linked_is_inside() || !recorder_begin(&r))
		return x->real(a, b, c, d, e);
	uint64_t err = linked_call(LINKED_ARGUMENTS);
	if ((int)err == 0)
		linked_book(*(void **)(uintptr_t)a, linked_requested(WIRE_ENTRY_POSIX_MEMALIGN, a, b, c, d), x->heap);
	return err;
}

/* A block of up to 16 bytes. It is on one page. */
HOT bool hot_free_tiny(void *p)
{
	struct wire_thread *t = probe_thread_slot;
	uintptr_t a = (uintptr_t)p;
	if (unlikely(!record_is_ready(t)))
		return false;
	char *leaf = shadow_find_leaf(a);
	if (unlikely(!leaf))
		return false;
	uint32_t *word = shadow_word(leaf, a), head = *word;
	size_t bytes = head >> WIRE_TAG_SHIFT & WIRE_TAG_MASK;
	int64_t delta = t->delta_bytes - (int64_t)bytes;
	if (unlikely(!(head & WIRE_LIVE) || bytes >= WIRE_TINY_SIZES || delta + t->flush_bytes < 0))
		return false;
	t->delta_bytes = delta;
	t->freed_bytes += bytes;
	t->frees++;
	__atomic_store_n(word, head & ~WIRE_LIVE, __ATOMIC_RELAXED);
	shadow_touch_page(leaf, a);
	return true;
}

static void book_free(void *p, void *caller)
{
	struct recorder r;
	int saved = errno;
	if (p && recorder_begin(&r)) {
		struct record_place at = record_find(p);
		if (likely(at.word != NULL))
			record_free(r, p, at);
		else
			record_unknown(r, p, false, caller);
	}
	errno = saved;
}

/* Has all arguments, so that the common free keeps none of them over a call. */
static __attribute__((noinline)) uint64_t free_slow(LINKED_PARAMETERS, void *caller)
{
	book_free(linked_block(x->kind, a, b), caller);
	return linked_call(LINKED_ARGUMENTS);
}

HOT uint64_t free_hook(uint32_t kind, void *caller, LINKED_PARAMETERS)
{
	void *p = linked_block(kind, a, b);
	if (unlikely(linked_is_inside()))
		return x->real(a, b, c, d, e);
	if (likely(record_hot_free(p)) || hot_free_tiny(p))
		return linked_call(LINKED_ARGUMENTS);
	return free_slow(LINKED_ARGUMENTS, caller);
}

#define NEW_HOOK(name, kind)  static uint64_t hook_##name(LINKED_PARAMETERS) { return new_hook(kind, LINKED_ARGUMENTS); }
#define FREE_HOOK(name, kind) static uint64_t hook_##name(LINKED_PARAMETERS) { return free_hook(kind, CALLER, LINKED_ARGUMENTS); }
NEW_HOOK(malloc, WIRE_ENTRY_MALLOC)
NEW_HOOK(calloc, WIRE_ENTRY_CALLOC)
NEW_HOOK(aligned_alloc, WIRE_ENTRY_ALIGNED_ALLOC)
NEW_HOOK(malloc_aligned, WIRE_ENTRY_MALLOC_ALIGNED)
NEW_HOOK(calloc_aligned, WIRE_ENTRY_CALLOC_ALIGNED)
NEW_HOOK(mallocx, WIRE_ENTRY_MALLOCX)
NEW_HOOK(valloc, WIRE_ENTRY_VALLOC)
NEW_HOOK(pvalloc, WIRE_ENTRY_PVALLOC)
NEW_HOOK(ctx_malloc, WIRE_ENTRY_CTX_MALLOC)
NEW_HOOK(ctx_calloc, WIRE_ENTRY_CTX_CALLOC)
FREE_HOOK(free, WIRE_ENTRY_FREE)
FREE_HOOK(ctx_free, WIRE_ENTRY_CTX_FREE)

typedef uint64_t hook_fn(LINKED_PARAMETERS);
static hook_fn *const hooks[WIRE_ENTRY_HOOKED] = {
	[WIRE_ENTRY_MALLOC] = hook_malloc,
	[WIRE_ENTRY_CALLOC] = hook_calloc,
	[WIRE_ENTRY_REALLOC] = linked_hook_realloc,
	[WIRE_ENTRY_FREE] = hook_free,
	[WIRE_ENTRY_POSIX_MEMALIGN] = hook_posix_memalign,
	[WIRE_ENTRY_ALIGNED_ALLOC] = hook_aligned_alloc,
	[WIRE_ENTRY_MALLOC_ALIGNED] = hook_malloc_aligned,
	[WIRE_ENTRY_CALLOC_ALIGNED] = hook_calloc_aligned,
	[WIRE_ENTRY_REALLOC_ALIGNED] = linked_hook_realloc_aligned,
	[WIRE_ENTRY_RECALLOC] = linked_hook_recalloc,
	[WIRE_ENTRY_MALLOCX] = hook_mallocx,
	[WIRE_ENTRY_RALLOCX] = linked_hook_rallocx,
	[WIRE_ENTRY_XALLOCX] = linked_hook_xallocx,
	[WIRE_ENTRY_CTX_MALLOC] = hook_ctx_malloc,
	[WIRE_ENTRY_CTX_CALLOC] = hook_ctx_calloc,
	[WIRE_ENTRY_CTX_REALLOC] = linked_hook_ctx_realloc,
	[WIRE_ENTRY_CTX_REALLOC_OLD] = linked_hook_ctx_realloc_old,
	[WIRE_ENTRY_CTX_FREE] = hook_ctx_free,
	[WIRE_ENTRY_VALLOC] = hook_valloc,
	[WIRE_ENTRY_PVALLOC] = hook_pvalloc,
};

void *linked_hook_for(uint32_t kind)
{
	return kind < WIRE_ENTRY_HOOKED ? (void *)(uintptr_t)hooks[kind] : NULL;
}
