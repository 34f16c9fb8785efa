/* SPDX-License-Identifier: MIT */
/*
 * linked_realloc.c - the hooks that change a block of a linked allocator. The block is out
 * of the shadow while the real function runs (record_move.h); it is put back when that
 * fails, and also when it is left by an exception.
 */
#include "linked_call.h"

#include <errno.h>

#define CALLER __builtin_return_address(0)

struct open_move {
	struct recorder r;
	void *p;            /* NULL: it was ended */
	struct record_move move;
};

static inline void undo_if_open(const struct open_move *o)
{
	if (unlikely(o->p != NULL))
		record_move_undo(o->r, o->p, &o->move);
}

/* The pages that the block has left, or shrunk away from, held a block. */
static void remember_pages(const struct open_move *o, void *got, size_t footprint)
{
	size_t old = o->move.old.footprint;
	if ((got != o->p || footprint < old) && shadow_crosses_page((uintptr_t)o->p, old))
		shadow_mark_pages((uintptr_t)o->p, old);
}

static void end_move(struct open_move *o, void *got, struct linked_request q, uint32_t heap)
{
	size_t footprint = 0;
	if (got == o->p)
		footprint = linked_footprint_kept(heap, got, q.bytes, q.alignment, o->move.old.footprint);
	else if (got)
		footprint = linked_footprint(heap, got, q.bytes, q.alignment);
	remember_pages(o, got, footprint);
	record_move_end(o->r, &o->move, got, q.bytes, footprint, heap);
	o->p = NULL;
}

/* rallocx() never frees; the others may, for 0 bytes. */
static inline bool has_failed(uint32_t kind, const void *got, size_t bytes)
{
	return !got && (kind == WIRE_ENTRY_RALLOCX || bytes != 0);
}

static uint64_t renew_known(struct recorder r, struct record_place at, uint32_t kind, struct linked_request q,
			    LINKED_PARAMETERS)
{
	void *p = linked_block(kind, a, b);
	__attribute__((cleanup(undo_if_open))) struct open_move o = { recorder_here(r), p, record_move_begin(r, p, at, q.bytes) };
	void *got = (void *)(uintptr_t)linked_call(LINKED_ARGUMENTS);
	int saved = errno;
	if (likely(!has_failed(kind, got, q.bytes)))
		end_move(&o, got, q, x->heap);
	errno = saved;
	return (uintptr_t)got;
}

static COLD uint64_t renew_unknown(struct recorder r, void *caller, struct linked_request q, LINKED_PARAMETERS)
{
	int saved = errno;
	record_unknown(r, linked_block(x->kind, a, b), true, caller);
	errno = saved;
	return linked_book((void *)(uintptr_t)linked_call(LINKED_ARGUMENTS), q, x->heap);
}

HOT uint64_t renew_hook(uint32_t kind, void *caller, LINKED_PARAMETERS)
{
	struct recorder r;
	void *p = linked_block(kind, a, b);
	if (unlikely(!p))
		return linked_new(LINKED_ARGUMENTS);
	if (unlikely(linked_is_inside()) || unlikely(!recorder_begin(&r)))
		return x->real(a, b, c, d, e);
	struct record_place at = record_find(p);
	struct linked_request q = linked_requested(kind, a, b, c, d);
	if (unlikely(!at.word))
		return renew_unknown(r, caller, q, LINKED_ARGUMENTS);
	return renew_known(r, at, kind, q, LINKED_ARGUMENTS);
}

#define RENEW_HOOK(name, kind) LINKED_HOOK(name) { return renew_hook(kind, CALLER, LINKED_ARGUMENTS); }
RENEW_HOOK(realloc, WIRE_ENTRY_REALLOC)
RENEW_HOOK(realloc_aligned, WIRE_ENTRY_REALLOC_ALIGNED)
RENEW_HOOK(recalloc, WIRE_ENTRY_RECALLOC)
RENEW_HOOK(rallocx, WIRE_ENTRY_RALLOCX)
RENEW_HOOK(ctx_realloc, WIRE_ENTRY_CTX_REALLOC)
RENEW_HOOK(ctx_realloc_old, WIRE_ENTRY_CTX_REALLOC_OLD)

/* The block stays where it is and nobody else can be given its address, so its words are
 * simply written anew, once it is known what came of it. */
static void book_resized(struct recorder r, void *p, struct record_place at, size_t bytes, size_t footprint,
			 uint32_t heap)
{
	struct shadow_block old = shadow_decode(at.word, *at.word);
	if (footprint < old.footprint && shadow_crosses_page((uintptr_t)p, old.footprint))
		shadow_mark_pages((uintptr_t)p, old.footprint);
	__atomic_store_n(at.word, *at.word & ~WIRE_LIVE, __ATOMIC_RELAXED); /* no double allocation */
	struct record_move m = { at, 0, old };
	record_move_end(r, &m, p, bytes, footprint, heap);
}

static void xallocx_done(struct recorder r, void *p, struct record_place at, size_t bytes, size_t usable,
			 const struct linked_entry *x)
{
	if (usable < bytes)
		return; /* could not be done: the old size stands */
	if (at.word)
		book_resized(r, p, at, bytes, usable, x->heap);
	else
		record_sized(r, p, bytes, usable, x->heap);
}

static bool is_big_shrink(struct record_place at, size_t bytes)
{
	size_t old = shadow_decode(at.word, *at.word).requested;
	return old >= BIG_FREE_BYTES && bytes < old;
}

LINKED_HOOK(xallocx)
{
	struct recorder r;
	void *p = (void *)(uintptr_t)a;
	if (linked_is_inside() || !p || !recorder_begin(&r))
		return x->real(a, b, c, d, e);
	int saved = errno;
	struct record_place at = record_find(p);
	if (!at.word)
		record_unknown(r, p, true, CALLER);
	else if (is_big_shrink(at, b))
		record_before_big_free();
	errno = saved;
	uint64_t usable = linked_call(LINKED_ARGUMENTS);
	saved = errno;
	xallocx_done(r, p, at, b, usable, x);
	errno = saved;
	return usable;
}
