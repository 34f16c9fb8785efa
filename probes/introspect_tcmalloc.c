/* SPDX-License-Identifier: MIT */
/*
 * introspect_tcmalloc.c - gperftools' tcmalloc as a shared object, by the C form of
 * MallocExtension (gperftools/malloc_extension_c.h), which names its properties.
 */
#define _GNU_SOURCE
#include "allocator_ops.h"
#include "introspect_environ.h"

#include <dlfcn.h>

static int (*get_property)(const char *name, size_t *ret);
static void (*release)(void);

static void resolve(void)
{
	*(void **)&get_property = dlsym(RTLD_NEXT, "MallocExtension_GetNumericProperty");
	*(void **)&release = dlsym(RTLD_NEXT, "MallocExtension_ReleaseFreeMemory");
}

/* Several of one figure are added up. */
static const struct { enum wire_figure figure; const char *name, *and_name; } properties[] = {
	{ WIRE_FIGURE_allocated, "generic.current_allocated_bytes", NULL },
	{ WIRE_FIGURE_mapped, "generic.heap_size", NULL },
	{ WIRE_FIGURE_resident, "generic.total_physical_bytes", NULL },
	{ WIRE_FIGURE_page_heap_free, "tcmalloc.pageheap_free_bytes", NULL },
	{ WIRE_FIGURE_page_heap_unmapped, "tcmalloc.pageheap_unmapped_bytes", NULL },
	{ WIRE_FIGURE_thread_caches, "tcmalloc.current_total_thread_cache_bytes", NULL },
	{ WIRE_FIGURE_central_caches, "tcmalloc.central_cache_free_bytes", "tcmalloc.transfer_cache_free_bytes" },
};
static const char *const settings[] = {
	"tcmalloc.max_total_thread_cache_bytes", "tcmalloc.aggressive_memory_decommit", "tcmalloc.heap_limit_mb",
};

static unsigned read_properties(struct introspect_writer *w)
{
	unsigned had = 0;
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
		size_t value = 0, more = 0;
		if (!get_property(properties[i].name, &value) ||
		    (properties[i].and_name && !get_property(properties[i].and_name, &more)))
			continue;
		introspect_put(w, properties[i].figure, WIRE_ARENA_ALL, (int64_t)(value + more));
		had++;
	}
	return had;
}

static void read_settings(struct introspect_writer *w)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		size_t value = 0;
		if (get_property(settings[i], &value))
			introspect_put_number(w, settings[i], (int64_t)value);
	}
	introspect_put_environment(w);
}

static enum wire_reading_result read_heap(uint32_t heap, struct introspect_writer *w)
{
	(void)heap;
	if (!get_property)
		return WIRE_READING_NO_WAY;
	if (introspect_wants_settings(w))
		read_settings(w);
	return read_properties(w) ? WIRE_READING_OK : WIRE_READING_REFUSED;
}

static enum wire_reading_result purge(uint32_t heap)
{
	(void)heap;
	if (!release)
		return WIRE_READING_NO_WAY;
	release();
	return WIRE_READING_OK;
}

const struct allocator_ops allocator_tcmalloc = { "tcmalloc", WIRE_FAMILY_NONE, resolve, read_heap, purge };
