/* SPDX-License-Identifier: MIT */
/*
 * introspect_glibc.c - glibc by mallinfo2(3), which takes each arena's lock and walks its
 * free chunks, and malloc_trim(3). uordblks counts chunks in thread caches as in use, and
 * headers with them; large blocks that are mappings are apart (hblkhd). What mallopt() was
 * told can't be read back: the settings are the environment's.
 */
#define _GNU_SOURCE
#include "allocator_ops.h"
#include "introspect_environ.h"

#include <dlfcn.h>
#include <malloc.h>

static struct mallinfo2 (*info)(void);
static int (*trim)(size_t);

static void resolve(void)
{
	*(void **)&info = dlsym(RTLD_NEXT, "mallinfo2"); /* since 2.33; the older one overflows */
	*(void **)&trim = dlsym(RTLD_NEXT, "malloc_trim");
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
	trim(0); /* whether anything was given back is seen in RSS */
	return WIRE_READING_OK;
}

const struct allocator_ops allocator_glibc = { "glibc", WIRE_FAMILY_NONE, resolve, read_heap, purge };
