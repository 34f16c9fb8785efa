/* SPDX-License-Identifier: MIT */
/*
 * shadow.c - the cold half of the shadow map: mapping the memfd, making leaves,
 * page flags of whole ranges, the copy for a forked child.
 *
 * The whole file is reserved PROT_NONE and opened leaf by leaf, so that mlockall()
 * in the target populates only leaves in use and no descriptor has to stay open.
 */
#define _GNU_SOURCE
#include "shadow.h"
#include "stack.h"
#include "thread.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Leaves below this may be made; lowered for good by shadow_shrink_reservation(). */
static uint32_t leaf_limit = WIRE_LEAVES_MAX;

static uint32_t *leaf_regions(char *base)
{
	return (uint32_t *)(base + WIRE_OFF_LEAVES);
}

int shadow_map(int memfd, char **ret_base)
{
	char *base = mmap(NULL, WIRE_BYTES, PROT_NONE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
	if (base == MAP_FAILED)
		return -errno;
	if (mprotect(base, WIRE_HEAD_BYTES, PROT_READ | PROT_WRITE) != 0) {
		int err = -errno;
		munmap(base, WIRE_BYTES);
		return err;
	}
	const struct wire_control *control = (const struct wire_control *)base;
	if (control->magic != WIRE_MAGIC || control->version != WIRE_VERSION) {
		munmap(base, WIRE_BYTES);
		return -EPROTO;
	}
	leaf_limit = WIRE_LEAVES_MAX;
	*ret_base = base;
	return 0;
}

void shadow_unmap(char *base)
{
	munmap(base, WIRE_BYTES);
}

/* Opens the next leaf of a map; its index, or -1. */
static int64_t open_leaf(char *base)
{
	struct wire_control *control = (struct wire_control *)base;
	uint32_t index = __atomic_fetch_add(&control->leaf_count, 1, __ATOMIC_RELAXED);
	if (index >= __atomic_load_n(&leaf_limit, __ATOMIC_RELAXED)) {
		__atomic_fetch_sub(&control->leaf_count, 1, __ATOMIC_RELAXED);
		return -1;
	}
	char *leaf = shadow_leaf_at(base, WIRE_LEAF_ENTRY(index));
	return mprotect(leaf, WIRE_LEAF_BYTES, PROT_READ | PROT_WRITE) == 0 ? (int64_t)index : -1;
}

char *shadow_make_leaf(uint32_t region)
{
	int saved = errno;
	int64_t index = open_leaf(probe.base);
	errno = saved;
	if (index < 0) {
		probe_turn_off(WIRE_REASON_LEAVES);
		return NULL;
	}
	uint32_t expected = 0, entry = WIRE_LEAF_ENTRY(index);
	leaf_regions(probe.base)[index] = region;
	/* Release: whoever sees the entry sees the leaf's region too. */
	if (__atomic_compare_exchange_n(&probe.directory[region], &expected, entry, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return shadow_leaf_at(probe.base, entry);
	return shadow_leaf_at(probe.base, expected);
}

char *shadow_leaf_for(uintptr_t a)
{
	char *leaf = shadow_find_leaf(a);
	if (leaf || a >> WIRE_ADDRESS_BITS)
		return leaf;
	return shadow_make_leaf((uint32_t)(a >> WIRE_REGION_SHIFT));
}

/* Runs the pages [first, last] of address space through fn, a leaf's share at a time. */
typedef void page_span_fn(uint8_t *flags, size_t count);

static void each_span(uintptr_t first, uintptr_t last, bool make, page_span_fn *fn)
{
	while (first <= last) {
		uintptr_t page = first & (WIRE_PAGES - 1);
		uintptr_t count = WIRE_PAGES - page;
		if (count > last - first + 1)
			count = last - first + 1;
		uintptr_t a = first << WIRE_PAGE_SHIFT;
		char *leaf = make ? shadow_leaf_for(a) : shadow_find_leaf(a);
		if (leaf)
			fn(shadow_flags(leaf, a), count);
		first += count;
	}
}

/* An atomic or for each page that needs it: flags share bytes with the collector. */
static void mark_span(uint8_t *flags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(__atomic_load_n(&flags[i], __ATOMIC_RELAXED) & WIRE_PAGE_EVER))
			__atomic_fetch_or(&flags[i], WIRE_PAGE_EVER, __ATOMIC_RELAXED);
}

/* CHANGED is set with it, so that the collector looks at the page's words once more. */
static void forget_span(uint8_t *flags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (__atomic_load_n(&flags[i], __ATOMIC_RELAXED) & WIRE_PAGE_EVER)
			__atomic_fetch_and(&flags[i], (uint8_t)~WIRE_PAGE_EVER, __ATOMIC_RELAXED);
}

void shadow_mark_pages(uintptr_t address, size_t length)
{
	if (length)
		each_span(address >> WIRE_PAGE_SHIFT, (address + length - 1) >> WIRE_PAGE_SHIFT, true, mark_span);
}

void shadow_forget_pages(uintptr_t address, size_t length)
{
	uintptr_t first = (address + 4095) >> WIRE_PAGE_SHIFT;
	uintptr_t end = (address + length) >> WIRE_PAGE_SHIFT;
	if (probe.on && end > first)
		each_span(first, end - 1, false, forget_span);
}

void shadow_shrink_reservation(void)
{
	/* also when recording was turned off: the reservation is there all the same */
	if (!probe.base || probe.pid != (uint32_t)getpid())
		return;
	uint32_t used = __atomic_load_n(&probe.control->leaf_count, __ATOMIC_RELAXED);
	uint32_t before = __atomic_exchange_n(&leaf_limit, used, __ATOMIC_RELAXED);
	/* A leaf that is being made right now may lie behind `used`: keep one. */
	uint64_t from = WIRE_OFF_LEAF_DATA + (used + 1ull) * WIRE_LEAF_BYTES;
	if (before > used + 1 && from < WIRE_BYTES) {
		int saved = errno;
		munmap(probe.base + from, WIRE_BYTES - from);
		errno = saved;
	}
}

#define COPY_PAGES 256u /* looked at in one call; the vector is on a stack that may be small */

void shadow_copy_pages(char *to, const char *from_pages, size_t bytes)
{
	char *from = (char *)(uintptr_t)from_pages;
	unsigned char there[COPY_PAGES];
	for (size_t at = 0; at < bytes; at += COPY_PAGES * 4096) {
		size_t part = bytes - at < COPY_PAGES * 4096 ? bytes - at : COPY_PAGES * 4096;
		if (mincore(from + at, part, there) != 0)
			memset(there, 1, sizeof there);
		for (size_t i = 0; i < part / 4096; i++)
			if (there[i] & 1)
				memcpy(to + at + i * 4096, from + at + i * 4096, 4096);
	}
}

static void copy_leaf(char *to, char *from)
{
	uint8_t *flags = (uint8_t *)to + WIRE_LEAF_FLAGS;
	shadow_copy_pages(to, from, WIRE_LEAF_BYTES);
	for (uint32_t page = 0; page < WIRE_PAGES; page++)
		if (flags[page])
			flags[page] |= WIRE_PAGE_CHANGED;
}

/* The sums of all threads become one slot's: the threads are not in the child. */
static void copy_counters(char *to, const char *from)
{
	const struct wire_control *c = (const struct wire_control *)from;
	const struct wire_thread *threads = (const struct wire_thread *)(from + WIRE_OFF_THREADS);
	struct wire_thread *sum = (struct wire_thread *)(to + WIRE_OFF_THREADS);
	for (uint32_t i = 0; i < c->thread_count && i < WIRE_THREADS_MAX; i++) {
		sum->allocated_bytes += threads[i].allocated_bytes;
		sum->freed_bytes += threads[i].freed_bytes;
		sum->allocations += threads[i].allocations;
		sum->frees += threads[i].frees;
		sum->stacks_taken += threads[i].stacks_taken;
	}
	struct wire_control *t = (struct wire_control *)to;
	t->live_bytes = t->live_peak_bytes = (int64_t)(sum->allocated_bytes - sum->freed_bytes);
	t->thread_count = 1;
	t->madv_free_calls = c->madv_free_calls;
	memcpy(t->heaps, c->heaps, sizeof t->heaps);
}

int shadow_copy(char *to_base, const char *from_base)
{
	const struct wire_control *from = (const struct wire_control *)from_base;
	const uint32_t *from_directory = (const uint32_t *)(from_base + WIRE_OFF_DIRECTORY);
	uint32_t *to_directory = (uint32_t *)(to_base + WIRE_OFF_DIRECTORY);
	uint32_t leaves = from->leaf_count;
	probe_thread_forget();
	for (uint32_t i = 0; i < leaves && i < WIRE_LEAVES_MAX; i++) {
		uint32_t region = leaf_regions((char *)from_base)[i];
		if (region >= WIRE_REGION_COUNT || from_directory[region] != WIRE_LEAF_ENTRY(i))
			continue;
		/* The parent may have opened it after the fork: its page table is not ours. */
		if (mprotect(shadow_leaf_at((char *)from_base, WIRE_LEAF_ENTRY(i)), WIRE_LEAF_BYTES, PROT_READ | PROT_WRITE) != 0)
			return -errno;
		int64_t index = open_leaf(to_base);
		if (index < 0)
			return -ENOMEM;
		copy_leaf(shadow_leaf_at(to_base, WIRE_LEAF_ENTRY(index)), shadow_leaf_at((char *)from_base, WIRE_LEAF_ENTRY(i)));
		leaf_regions(to_base)[index] = region;
		to_directory[region] = WIRE_LEAF_ENTRY(index);
	}
	/* Behind the heads, which name stacks: those are there, then. */
	stack_copy(from_base);
	copy_counters(to_base, from_base);
	return 0;
}
