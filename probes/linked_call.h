/* SPDX-License-Identifier: MIT */
/*
 * linked_call.h - what all hooks of linked allocators share: how the real function is
 * called, and what the arguments of each kind of entry mean.
 *
 * While the real function runs this thread is inside: what it calls of its own entries is
 * its own business and books nothing, so an inner entry behind an outer one counts once.
 * The mark is the hook's frame address. It goes when the call returns, when an exception
 * passes (the cleanup), and at the next call from above when a longjmp() passed.
 */
#ifndef MEMWHY_LINKED_CALL_H
#define MEMWHY_LINKED_CALL_H

#include "linked_hooks.h"
#include "linked_sizes.h"
#include "patch.h"
#include "record_move.h"

#define LINKED_PARAMETERS uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct linked_entry *x
#define LINKED_ARGUMENTS a, b, c, d, e, x

static inline void linked_leave(const char *guard)
{
	(void)guard;
	linked_inside = 0;
}

HOT uint64_t linked_call(LINKED_PARAMETERS)
{
	__attribute__((cleanup(linked_leave))) const char guard = 0;
	(void)guard;
	linked_inside = (uintptr_t)__builtin_frame_address(0);
	return x->real(a, b, c, d, e);
}

HOT bool linked_may_record(void)
{
	return likely(!linked_is_inside()) && record_is_ready(probe_thread_slot);
}

struct linked_request { size_t bytes, alignment; };
#define LINKED_PAGE ((size_t)4096)

static inline size_t linked_product(uint64_t count, uint64_t bytes)
{
	size_t total;
	/* the real function refuses it, so this is never booked */
	return __builtin_mul_overflow(count, bytes, &total) ? SIZE_MAX : total;
}

/* MALLOCX_ALIGN() keeps the alignment's logarithm in the lowest six bits; 0: none. */
static inline size_t linked_flags_alignment(uint64_t flags)
{
	return (size_t)1 << (flags & 63);
}

/* What a call asks for. With a constant kind this is one line of it. */
HOT struct linked_request linked_requested(uint32_t kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	switch (kind) {
	case WIRE_ENTRY_CALLOC:            return (struct linked_request){ linked_product(a, b), 1 };
	case WIRE_ENTRY_REALLOC:           return (struct linked_request){ b, 1 };
	case WIRE_ENTRY_POSIX_MEMALIGN:    return (struct linked_request){ c, b };
	case WIRE_ENTRY_ALIGNED_ALLOC:     return (struct linked_request){ b, a };
	case WIRE_ENTRY_MALLOC_ALIGNED:    return (struct linked_request){ a, b };
	case WIRE_ENTRY_CALLOC_ALIGNED:    return (struct linked_request){ linked_product(a, b), c };
	case WIRE_ENTRY_REALLOC_ALIGNED:   return (struct linked_request){ b, c };
	case WIRE_ENTRY_RECALLOC:          return (struct linked_request){ linked_product(b, c), 1 };
	case WIRE_ENTRY_MALLOCX:           return (struct linked_request){ a, linked_flags_alignment(b) };
	case WIRE_ENTRY_RALLOCX:           return (struct linked_request){ b, linked_flags_alignment(c) };
	case WIRE_ENTRY_VALLOC:            return (struct linked_request){ a, LINKED_PAGE };
	case WIRE_ENTRY_PVALLOC:           return (struct linked_request){ (a + LINKED_PAGE - 1) & -LINKED_PAGE, LINKED_PAGE };
	case WIRE_ENTRY_CTX_MALLOC:        return (struct linked_request){ b, 1 };
	case WIRE_ENTRY_CTX_CALLOC:        return (struct linked_request){ linked_product(b, c), 1 };
	case WIRE_ENTRY_CTX_REALLOC:       return (struct linked_request){ c, 1 };
	case WIRE_ENTRY_CTX_REALLOC_OLD:   return (struct linked_request){ d, 1 };
	default:                           return (struct linked_request){ a, 1 };
	}
}

static inline bool linked_has_context(uint32_t kind)
{
	return kind == WIRE_ENTRY_CTX_REALLOC || kind == WIRE_ENTRY_CTX_REALLOC_OLD || kind == WIRE_ENTRY_CTX_FREE;
}

/* The block that a realloc or free is about. */
HOT void *linked_block(uint32_t kind, uint64_t a, uint64_t b)
{
	return (void *)(uintptr_t)(linked_has_context(kind) ? b : a);
}

/* Books a block that was just handed out, whatever its size; returns it. NULL is fine. */
uint64_t linked_book(void *p, struct linked_request q, uint32_t heap);

#define LINKED_HOOK(name) uint64_t linked_hook_##name(LINKED_PARAMETERS)
LINKED_HOOK(realloc);
LINKED_HOOK(realloc_aligned);
LINKED_HOOK(recalloc);
LINKED_HOOK(rallocx);
LINKED_HOOK(xallocx);
LINKED_HOOK(ctx_realloc);
LINKED_HOOK(ctx_realloc_old);
/* The slow way to a new block: also what realloc() is when there is none yet. */
uint64_t linked_new(LINKED_PARAMETERS);

#endif
