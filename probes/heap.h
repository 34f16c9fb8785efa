/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the allocator behind the hooks: which one it is, and what a block of it
 * takes from its page (its footprint).
 *
 * Asking malloc_usable_size for each block costs 3-9 % on real programs. glibc keeps the
 * chunk's size in front of the block (malloc.c, struct malloc_chunk: stable since dlmalloc),
 * so it is read there. Allocators by size class have a footprint that depends on the
 * requested size only: it is learned once for each size. What is neither is asked.
 */
#ifndef MEMWHY_HEAP_H
#define MEMWHY_HEAP_H

#include "probe.h"

enum heap_sizing { HEAP_ASK, HEAP_LEARN, HEAP_GLIBC };

struct adapter {
	const char *name;
	const char *marker;    /* a symbol that only this allocator's DSO has */
	enum heap_sizing sizing;
	bool has_own_names;    /* beyond the C library's: see hooks_ext.def */
	/* Writes its version; may call into the allocator, which sets itself up then. */
	void (*version)(char *ret, size_t size);
};
/* NULL-terminated, in order of trial; each entry lives in probes/adapters/. */
extern const struct adapter *const adapters[] __attribute__((visibility("hidden")));

#define HEAP_LEARN_MAX 16384u
/* Whose the allocator behind the hooks is; NULL: nobody's that is known. */
extern const struct adapter *heap_adapter __attribute__((visibility("hidden")));
extern enum heap_sizing heap_sizing __attribute__((visibility("hidden")));
extern uint16_t heap_learned[HEAP_LEARN_MAX / 8 + 1] __attribute__((visibility("hidden")));

size_t heap_ask_footprint(void *p, size_t requested);
size_t heap_learn_footprint(void *p, size_t requested);
/* This thread is inside the allocator, which is telling the size of a block. */
bool heap_is_asking(void);

#define GLIBC_CHUNK_MMAPPED 2u
static inline size_t heap_glibc_header(const void *p)
{
	__asm__("" : "+r"(p)); /* the word lies outside of the object that the compiler may know */
	return ((const size_t *)p)[-1];
}

/* A glibc chunk that is a mapping of its own: its free unmaps it, where no hook sees. head:
 * the block's word; only blocks of heap 0 have a header, others may begin a mapping. */
static inline bool heap_is_mapped_chunk(uint32_t head, const void *p)
{
	return heap_sizing == HEAP_GLIBC && !(head >> WIRE_HEAP_SHIFT & WIRE_HEAP_MASK) &&
	       (heap_glibc_header(p) & GLIBC_CHUNK_MMAPPED);
}

/* footprint of a block that is not specially aligned; at least requested. */
static inline size_t heap_footprint(void *p, size_t requested)
{
	if (likely(heap_sizing == HEAP_GLIBC)) {
		size_t header = heap_glibc_header(p);
		size_t chunk = header & ~(size_t)7;
		size_t footprint = header & GLIBC_CHUNK_MMAPPED ? chunk - 16 : chunk;
		return likely(footprint >= requested) ? footprint : heap_ask_footprint(p, requested);
	}
	if (heap_sizing == HEAP_LEARN && requested <= HEAP_LEARN_MAX) {
		size_t known = heap_learned[(requested + 7) / 8];
		return likely(known != 0) ? known : heap_learn_footprint(p, requested);
	}
	return heap_ask_footprint(p, requested);
}

/* The same where it takes no call; 0 or nonsense (it may be too small): use the other. */
static inline size_t heap_footprint_hot(void *p, size_t requested)
{
	if (likely(heap_sizing == HEAP_GLIBC)) {
		size_t header = heap_glibc_header(p);
		return unlikely(header & GLIBC_CHUNK_MMAPPED) ? 0 : header & ~(size_t)7;
	}
	return heap_sizing == HEAP_LEARN && requested <= HEAP_LEARN_MAX ? heap_learned[(requested + 7) / 8] : 0;
}

#endif
