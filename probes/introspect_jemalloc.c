/* SPDX-License-Identifier: MIT */
/*
 * introspect_jemalloc.c - jemalloc by its mallctl, preloaded or linked in. The names are in
 * jemalloc(3). Without statistics it still keeps the page counts of each arena; a name that
 * a release lacks gives no figure. Page counts are times arenas.page.
 */
#define _GNU_SOURCE
#include "allocator_ops.h"
#include "linked_sizes.h"

#include <dlfcn.h>
#include <sys/types.h>

#define NAME_BYTES 64
#define ARENAS_MAX 4096u
#define BINS_MAX   256u
/* MALLCTL_ARENAS_ALL since release 5; before it the number of arenas meant all of them. */
#define ARENAS_ALL 4096

typedef int mallctl_fn(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
static mallctl_fn *preloaded;

static void resolve(void)
{
	*(void **)&preloaded = dlsym(RTLD_NEXT, "mallctl");
}

static mallctl_fn *mallctl_of(uint32_t heap)
{
	mallctl_fn *linked;
	*(void **)&linked = linked_heaps[heap].mallctl;
	return heap ? linked : preloaded;
}

static bool get(mallctl_fn *ctl, const char *name, void *ret, size_t size)
{
	size_t got = size;
	return ctl(name, ret, &got, NULL, 0) == 0 && got == size;
}

static const char *indexed(char *ret, const char *before, int64_t index, const char *behind)
{
	size_t at = introspect_append(ret, NAME_BYTES, 0, before);
	at = introspect_append_number(ret, NAME_BYTES, at, index);
	introspect_append(ret, NAME_BYTES, at, behind);
	return ret;
}

static size_t get_size(mallctl_fn *ctl, const char *before, int64_t index, const char *behind)
{
	char name[NAME_BYTES];
	size_t value = 0;
	return get(ctl, indexed(name, before, index, behind), &value, sizeof value) ? value : 0;
}

static unsigned get_unsigned(mallctl_fn *ctl, const char *before, int64_t index, const char *behind)
{
	char name[NAME_BYTES];
	unsigned value = 0;
	return get(ctl, indexed(name, before, index, behind), &value, sizeof value) ? value : 0;
}

/* ---- arenas ------------------------------------------------------------------------ */

enum { ACTIVE, DIRTY, MUZZY, KINDS };
static const struct { enum wire_figure figure; const char *name; } page_counts[KINDS] = {
	[ACTIVE] = { WIRE_FIGURE_active, ".pactive" },
	[DIRTY] = { WIRE_FIGURE_dirty, ".pdirty" },
	[MUZZY] = { WIRE_FIGURE_muzzy, ".pmuzzy" },
};

/* True if the arena holds pages. One that has neither pages nor threads is no row. */
static bool read_arena(mallctl_fn *ctl, struct introspect_writer *w, unsigned arena, size_t page_bytes, int64_t *sums)
{
	int64_t bytes[KINDS], all = 0;
	unsigned threads = get_unsigned(ctl, "stats.arenas.", arena, ".nthreads");
	for (int k = 0; k < KINDS; k++) {
		bytes[k] = (int64_t)(get_size(ctl, "stats.arenas.", arena, page_counts[k].name) * page_bytes);
		sums[k] += bytes[k];
		all += bytes[k];
	}
	for (int k = 0; k < KINDS && (all || threads); k++)
		introspect_put(w, page_counts[k].figure, (int32_t)arena, bytes[k]);
	if (all || threads)
		introspect_put(w, WIRE_FIGURE_threads, (int32_t)arena, threads);
	return all != 0;
}

static bool read_arenas(mallctl_fn *ctl, struct introspect_writer *w)
{
	unsigned arenas, used = 0;
	size_t page_bytes;
	int64_t sums[KINDS] = { 0 };
	if (!get(ctl, "arenas.narenas", &arenas, sizeof arenas) || !get(ctl, "arenas.page", &page_bytes, sizeof page_bytes))
		return false;
	for (unsigned i = 0; i < arenas && i < ARENAS_MAX; i++)
		used += read_arena(ctl, w, i, page_bytes, sums);
	for (int k = 0; k < KINDS; k++)
		introspect_put(w, page_counts[k].figure, WIRE_ARENA_ALL, sums[k]);
	introspect_put(w, WIRE_FIGURE_arenas, WIRE_ARENA_ALL, arenas);
	introspect_put(w, WIRE_FIGURE_arenas_used, WIRE_ARENA_ALL, used);
	return true;
}

/* ---- the whole, where statistics are kept ---------------------------------------------- */

static const struct { enum wire_figure figure; const char *name; } totals[] = {
	{ WIRE_FIGURE_allocated, "stats.allocated" },
	{ WIRE_FIGURE_metadata, "stats.metadata" },
	{ WIRE_FIGURE_resident, "stats.resident" },
	{ WIRE_FIGURE_mapped, "stats.mapped" },
	{ WIRE_FIGURE_retained, "stats.retained" },
	{ WIRE_FIGURE_thread_caches, "stats.arenas.4096.tcache_bytes" },
	{ WIRE_FIGURE_background_threads, "stats.background_thread.num_threads" },
};

static void read_totals(mallctl_fn *ctl, struct introspect_writer *w)
{
	for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
		size_t value;
		if (get(ctl, totals[i].name, &value, sizeof value))
			introspect_put(w, totals[i].figure, WIRE_ARENA_ALL, (int64_t)value);
	}
}

/* Free regions of slabs: what the slabs have room for, less what is handed out. */
static void read_slabs(mallctl_fn *ctl, struct introspect_writer *w)
{
	unsigned bins;
	int64_t free_bytes = 0;
	size_t any;
	if (!get(ctl, "arenas.nbins", &bins, sizeof bins) || !get(ctl, "stats.arenas.4096.bins.0.curslabs", &any, sizeof any))
		return;
	for (unsigned i = 0; i < bins && i < BINS_MAX; i++) {
		size_t slabs = get_size(ctl, "stats.arenas.4096.bins.", i, ".curslabs");
		size_t used = get_size(ctl, "stats.arenas.4096.bins.", i, ".curregs");
		size_t room = slabs * get_unsigned(ctl, "arenas.bin.", i, ".nregs");
		if (room > used)
			free_bytes += (int64_t)((room - used) * get_size(ctl, "arenas.bin.", i, ".size"));
	}
	introspect_put(w, WIRE_FIGURE_slab_free, WIRE_ARENA_ALL, free_bytes);
}

/* ---- settings --------------------------------------------------------------------------- */

enum setting_type { BOOL, UNSIGNED, SIZE, SSIZE, TEXT };
static const struct { const char *name; enum setting_type type; } settings[] = {
	{ "opt.narenas", UNSIGNED }, { "opt.percpu_arena", TEXT }, { "opt.oversize_threshold", SIZE },
	{ "opt.dirty_decay_ms", SSIZE }, { "opt.muzzy_decay_ms", SSIZE }, { "opt.background_thread", BOOL },
	{ "opt.max_background_threads", SIZE }, { "opt.thp", TEXT }, { "opt.metadata_thp", TEXT },
	{ "opt.retain", BOOL }, { "opt.tcache", BOOL }, { "opt.tcache_max", SIZE }, { "opt.lg_tcache_max", SIZE },
	{ "opt.lg_extent_max_active_fit", SIZE }, { "opt.hpa", BOOL }, { "opt.dss", TEXT }, { "opt.junk", TEXT },
	{ "opt.zero", BOOL }, { "opt.cache_oblivious", BOOL }, { "opt.prof", BOOL }, { "config.stats", BOOL },
	{ "config.cache_oblivious", BOOL }, { "config.malloc_conf", TEXT },
};

static void put_setting(mallctl_fn *ctl, struct introspect_writer *w, const char *name, enum setting_type type)
{
	union { bool b; unsigned u; size_t z; ssize_t s; const char *text; } v = { .z = 0 };
	static const size_t sizes[] = { sizeof v.b, sizeof v.u, sizeof v.z, sizeof v.s, sizeof v.text };
	if (!get(ctl, name, &v, sizes[type]))
		return;
	switch (type) {
	case BOOL: introspect_put_text(w, name, v.b ? "true" : "false"); break;
	case UNSIGNED: introspect_put_number(w, name, v.u); break;
	case SIZE: introspect_put_number(w, name, (int64_t)v.z); break;
	case SSIZE: introspect_put_number(w, name, v.s); break;
	case TEXT: introspect_put_text(w, name, v.text ? v.text : ""); break;
	}
}

static void read_settings(mallctl_fn *ctl, struct introspect_writer *w)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		put_setting(ctl, w, settings[i].name, settings[i].type);
}

static void put_decay(mallctl_fn *ctl, struct introspect_writer *w, enum wire_figure figure, const char *name)
{
	ssize_t ms;
	if (get(ctl, name, &ms, sizeof ms))
		introspect_put(w, figure, WIRE_ARENA_ALL, ms);
}

/* ------------------------------------------------------------------------------------------- */

static enum wire_reading_result read_heap(uint32_t heap, struct introspect_writer *w)
{
	mallctl_fn *ctl = mallctl_of(heap);
	uint64_t epoch = 1;
	if (!ctl)
		return WIRE_READING_NO_WAY;
	/* all figures are as of the last time that the epoch was advanced */
	if (ctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0 || !read_arenas(ctl, w))
		return WIRE_READING_REFUSED;
	read_totals(ctl, w);
	read_slabs(ctl, w);
	put_decay(ctl, w, WIRE_FIGURE_dirty_decay, "arenas.dirty_decay_ms");
	put_decay(ctl, w, WIRE_FIGURE_muzzy_decay, "arenas.muzzy_decay_ms");
	if (introspect_wants_settings(w))
		read_settings(ctl, w);
	return WIRE_READING_OK;
}

static bool purge_arena(mallctl_fn *ctl, int64_t arena)
{
	char name[NAME_BYTES];
	return ctl(indexed(name, "arena.", arena, ".purge"), NULL, NULL, NULL, 0) == 0;
}

static enum wire_reading_result purge(uint32_t heap)
{
	mallctl_fn *ctl = mallctl_of(heap);
	unsigned arenas, purged = 0;
	if (!ctl)
		return WIRE_READING_NO_WAY;
	if (purge_arena(ctl, ARENAS_ALL))
		return WIRE_READING_OK;
	if (!get(ctl, "arenas.narenas", &arenas, sizeof arenas))
		return WIRE_READING_REFUSED;
	if (purge_arena(ctl, arenas))
		return WIRE_READING_OK;
	for (unsigned i = 0; i < arenas && i < ARENAS_MAX; i++)
		purged += purge_arena(ctl, i);
	return purged ? WIRE_READING_OK : WIRE_READING_REFUSED;
}

const struct allocator_ops allocator_jemalloc = { "jemalloc", WIRE_FAMILY_JEMALLOC, resolve, read_heap, purge };
