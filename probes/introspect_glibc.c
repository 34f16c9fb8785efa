/* SPDX-License-Identifier: MIT */
/*
 * introspect_glibc.c - glibc by mallinfo2(3), which takes each arena's lock and walks its
 * free chunks, and malloc_trim(3). uordblks counts chunks in thread caches as in use, and
 * headers with them; large blocks that are mappings are apart (hblkhd). What mallopt() was
 * told can't be read back: the settings are the environment's.
 */
#define _GNU_SOURCE
#include "allocator_ops.h"
#include "introspect.h"
#include "introspect_environ.h"
#include "life.h"

#include <dlfcn.h>
#include <malloc.h>

static struct mallinfo2 (*info)(void);
static int (*trim)(size_t);

static void resolve(void)
{
	*(void **)&info = dlsym(RTLD_NEXT, "mallinfo2"); /* since 2.33; the older one overflows */
	*(void **)&trim = dlsym(RTLD_NEXT, "malloc_trim");
}

/* mallinfo2 visits every free chunk, a cache miss each: on half a million of them it takes
 * longer than many a program runs. How many there are is not known; there are no more than
 * blocks were freed since the most were live, and no walk is made that could take more than
 * its share of the run. */
#define CHUNK_NS      150u
#define ALWAYS_NS     300000u
#define SHARE         125u
#define SHARE_AT_EXIT 25u
#define SHARE_OF_TRIM 4u    /* malloc_trim at the exit visits them too */

static uint64_t most_blocks; /* seen by readings; of the thread whose turn it is */

static uint64_t live_blocks(void)
{
	const struct wire_thread *t = (const struct wire_thread *)(probe.base + WIRE_OFF_THREADS);
	uint32_t count = __atomic_load_n(&probe.control->thread_count, __ATOMIC_RELAXED);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < count && i < WIRE_THREADS_MAX; i++)
		sum += __atomic_load_n(&t[i].allocations, __ATOMIC_RELAXED) - __atomic_load_n(&t[i].frees, __ATOMIC_RELAXED);
	return (int64_t)sum > 0 ? sum : 0;
}

static bool is_cheap(uint64_t share)
{
	uint64_t live = live_blocks(), age_ns = life_now_ns() - probe.control->start_ns;
	if (live > most_blocks)
		most_blocks = live;
	uint64_t cost_ns = (most_blocks - live) * CHUNK_NS;
	return cost_ns <= ALWAYS_NS || cost_ns <= age_ns / share;
}

static void put(struct introspect_writer *w, enum wire_figure figure, size_t value)
{
	introspect_put(w, figure, WIRE_ARENA_ALL, (int64_t)value);
}

static enum wire_reading_result read_heap(uint32_t heap, struct introspect_writer *w)
{
	(void)heap;
	if (introspect_wants_settings(w))
		introspect_put_environment(w);
	if (!info)
		return WIRE_READING_NO_WAY;
	if (!is_cheap(introspect_leaving ? SHARE_AT_EXIT : SHARE))
		return WIRE_READING_TOO_DEAR;
	struct mallinfo2 m = info();
	put(w, WIRE_FIGURE_allocated, m.uordblks + m.hblkhd);
	put(w, WIRE_FIGURE_mapped, m.arena + m.hblkhd);
	put(w, WIRE_FIGURE_free_chunks, m.fordblks);
	put(w, WIRE_FIGURE_fast_free, m.fsmblks);
	put(w, WIRE_FIGURE_top_free, m.keepcost);
	put(w, WIRE_FIGURE_mmapped, m.hblkhd);
	put(w, WIRE_FIGURE_mmapped_blocks, m.hblks);
	return WIRE_READING_OK;
}

static enum wire_reading_result purge(uint32_t heap)
{
	(void)heap;
	if (!trim)
		return WIRE_READING_NO_WAY;
	if (introspect_leaving && !is_cheap(SHARE_OF_TRIM))
		return WIRE_READING_TOO_DEAR;
	trim(0); /* whether anything was given back is seen in RSS */
	return WIRE_READING_OK;
}

const struct allocator_ops allocator_glibc = { "glibc", WIRE_FAMILY_NONE, resolve, read_heap, purge };
