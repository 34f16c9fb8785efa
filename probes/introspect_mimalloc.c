/* SPDX-License-Identifier: MIT */
/*
 * introspect_mimalloc.c - mimalloc as a shared object: a release keeps what it has committed
 * and little else. Its options go by numbers that differ between releases, so the settings
 * are the environment's.
 */
#define _GNU_SOURCE
#include "allocator_ops.h"
#include "introspect_environ.h"

#include <dlfcn.h>

static void (*process_info)(size_t *elapsed_ms, size_t *user_ms, size_t *system_ms, size_t *rss, size_t *peak_rss,
			    size_t *commit, size_t *peak_commit, size_t *faults);
static void (*collect)(bool force);

static void resolve(void)
{
	*(void **)&process_info = dlsym(RTLD_NEXT, "mi_process_info");
	*(void **)&collect = dlsym(RTLD_NEXT, "mi_collect");
}

static enum wire_reading_result read_heap(uint32_t heap, struct introspect_writer *w)
{
	size_t committed = 0;
	(void)heap;
	if (introspect_wants_settings(w))
		introspect_put_environment(w);
	if (!process_info)
		return WIRE_READING_NO_WAY;
	process_info(NULL, NULL, NULL, NULL, NULL, &committed, NULL, NULL);
	introspect_put(w, WIRE_FIGURE_mapped, WIRE_ARENA_ALL, (int64_t)committed);
	return WIRE_READING_OK;
}

/* Its other threads' pages it can't collect: those come back when they next allocate. */
static enum wire_reading_result purge(uint32_t heap)
{
	(void)heap;
	if (!collect)
		return WIRE_READING_NO_WAY;
	collect(true);
	return WIRE_READING_OK;
}

const struct allocator_ops allocator_mimalloc = { "mimalloc", WIRE_FAMILY_NONE, resolve, read_heap, purge };
