/* SPDX-License-Identifier: MIT */
/*
 * malloc_hooks.c - the C allocation functions. Each calls the real one and books the
 * result; before a free the block is taken out of the shadow, so that another thread
 * that is handed the same address finds it empty. errno is the real function's.
 */
#define _GNU_SOURCE
#include "bootstrap.h"
#include "record_move.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Before the real functions are known: first look them up, then the bootstrap arena. */
static bool have_real(void)
{
	if (unlikely(!real.malloc) && probe.started != 2)
		probe_start();
	return real.malloc != NULL;
}

static void *noted_early(void *p)
{
	if (p && probe.started != 2)
		record_early(p);
	return p;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static void *bootstrap_or_fail(size_t bytes)
{
	void *p = bootstrap_allocate(bytes);
	return p ? p : no_memory();
}

static void *forward_malloc(size_t bytes)
{
	return have_real() ? noted_early(real.malloc(bytes)) : bootstrap_or_fail(bytes);
}

static COLD void *malloc_slow(size_t bytes)
{
	struct recorder r;
	if (!recorder_begin(&r))
		return forward_malloc(bytes);
	void *p = real.malloc(bytes);
	record_alloc(recorder_here(r), p, bytes);
	return p;
}

static COLD void *booked_slow(void *p, size_t bytes)
{
	struct recorder r;
	int saved = errno;
	if (p && recorder_begin(&r))
		record_alloc(recorder_here(r), p, bytes);
	errno = saved;
	return p;
}

PROBE_EXPORT void *malloc(size_t bytes)
{
	if (unlikely(!record_is_ready(probe_thread_slot)))
		return malloc_slow(bytes);
	void *p = real.malloc(bytes);
	return likely(record_hot_alloc(p, bytes)) ? p : booked_slow(p, bytes);
}

static COLD void *calloc_slow(size_t count, size_t bytes)
{
	struct recorder r;
	size_t total;
	bool on = recorder_begin(&r);
	if (!have_real() || !real.calloc)
		return __builtin_mul_overflow(count, bytes, &total) ? no_memory() : bootstrap_or_fail(total);
	void *p = real.calloc(count, bytes);
	if (!on)
		return noted_early(p);
	record_alloc(r, p, count * bytes);
	return p;
}

PROBE_EXPORT void *calloc(size_t count, size_t bytes)
{
	if (unlikely(!record_is_ready(probe_thread_slot)))
		return calloc_slow(count, bytes);
	void *p = real.calloc(count, bytes);
	return likely(record_hot_alloc(p, count * bytes)) ? p : booked_slow(p, count * bytes);
}

/* A free of what the shadow does not know; r.t is NULL when nothing is recorded. */
static void free_outside(struct recorder r, void *p, void *caller)
{
	if (bootstrap_owns(p))
		return;
	if (r.t)
		record_unknown(r, p, false, caller);
	if (real.free)
		real.free(p);
}

static __attribute__((noinline)) void free_slow(void *p, void *caller)
{
	struct recorder r;
	if (!p)
		return;
	struct record_place at = { NULL, NULL };
	if (recorder_begin(&r))
		at = record_find(p);
	if (unlikely(!at.word)) {
		free_outside(r, p, caller);
		return;
	}
	size_t unmapped = record_free(r, p, at);
	real.free(p);
	if (unlikely(unmapped != 0))
		record_unmapped(p, unmapped);
}

PROBE_EXPORT void free(void *p)
{
	if (likely(record_hot_free(p)))
		real.free(p);
	else
		free_slow(p, __builtin_return_address(0));
}

static void *move_from_bootstrap(void *p, size_t bytes)
{
	void *q = malloc(bytes);
	size_t old = bootstrap_size(p);
	if (q)
		memcpy(q, p, old < bytes ? old : bytes);
	return q;
}

static void *realloc_outside(struct recorder r, void *p, size_t bytes, void *caller)
{
	if (bootstrap_owns(p))
		return move_from_bootstrap(p, bytes);
	if (r.t)
		record_unknown(r, p, true, caller);
	void *q = have_real() ? real.realloc(p, bytes) : NULL;
	if (r.t)
		record_alloc(r, q, bytes);
	return q;
}

static void *realloc_known(struct recorder r, void *p, size_t bytes, struct record_place at)
{
	struct record_move m = record_move_begin(r, p, at, bytes);
	bool mapped_chunk = heap_is_mapped_chunk(m.head, p);
	void *q = real.realloc(p, bytes);
	if (unlikely(!q && bytes != 0)) {
		record_move_undo(r, p, &m);
		return NULL;
	}
	if (q != p && !mapped_chunk && shadow_crosses_page((uintptr_t)p, m.old.footprint))
		shadow_mark_pages((uintptr_t)p, m.old.footprint);
	record_move_end(recorder_here(r), &m, q, bytes, q ? heap_footprint(q, bytes) : 0, 0);
	return q;
}

PROBE_EXPORT void *realloc(void *p, size_t bytes)
{
	struct recorder r;
	struct record_place at = { NULL, NULL };
	if (!p)
		return malloc(bytes);
	if (likely(recorder_begin(&r)))
		at = record_find(p);
	if (unlikely(!at.word))
		return realloc_outside(r, p, bytes, __builtin_return_address(0));
	return realloc_known(r, p, bytes, at);
}

PROBE_EXPORT void *reallocarray(void *p, size_t count, size_t bytes)
{
	size_t total;
	return __builtin_mul_overflow(count, bytes, &total) ? no_memory() : realloc(p, total);
}

PROBE_EXPORT int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	struct recorder r;
	bool on = recorder_begin(&r);
	if (unlikely(!have_real() || !real.posix_memalign))
		return ENOMEM;
	int err = real.posix_memalign(ret, alignment, bytes);
	if (err == 0 && on)
		record_aligned(r, *ret, bytes);
	else if (err == 0)
		noted_early(*ret);
	return err;
}

/* aligned_alloc, memalign, valloc, pvalloc differ in the real call alone. */
#define ALIGNED_HOOK(call, booked)                                  \
	struct recorder r;                                          \
	bool on = recorder_begin(&r);                               \
	if (unlikely(!have_real()))                                 \
		return no_memory();                                 \
	void *p = call;                                             \
	if (likely(on))                                             \
		record_aligned(r, p, booked);                       \
	else                                                        \
		noted_early(p);                                     \
	return p

PROBE_EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
	ALIGNED_HOOK(real.aligned_alloc(alignment, bytes), bytes);
}

PROBE_EXPORT void *memalign(size_t alignment, size_t bytes)
{
	ALIGNED_HOOK(real.memalign(alignment, bytes), bytes);
}

PROBE_EXPORT void *valloc(size_t bytes)
{
	ALIGNED_HOOK(real.valloc(bytes), bytes);
}

PROBE_EXPORT void *pvalloc(size_t bytes)
{
	ALIGNED_HOOK(real.pvalloc(bytes), (bytes + 4095) & ~(size_t)4095);
}

PROBE_EXPORT size_t malloc_usable_size(void *p)
{
	if (bootstrap_owns(p))
		return bootstrap_size(p);
	return have_real() && real.malloc_usable_size ? real.malloc_usable_size(p) : 0;
}
