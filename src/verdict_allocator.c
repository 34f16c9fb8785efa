/* SPDX-License-Identifier: MIT */
/* The allocators' defaults and what their settings are called; see verdict_help.h. */
#include "verdict_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verdict_allocator allocators[];

const struct verdict_allocator *verdict_allocator(const struct verdict_input *in)
{
	for (const struct verdict_allocator *a = allocators; in->heap && a->name; a++)
		if (!strcmp(a->name, in->heap->name))
			return a;
	return NULL;
}

bool verdict_is_allocator(const struct verdict_input *in, const char *name)
{
	return in->heap && !strcmp(in->heap->name, name);
}

const char *verdict_allocator_name(const struct verdict_input *in)
{
	return in->heap ? in->heap->name : "the allocator";
}

/* The figure is of the arenas, which the program may have changed; the option is how it began. */
static int64_t decay_ms(const struct verdict_input *in, const struct verdict_allocator *a)
{
	int64_t ms;
	if (verdict_figure(in, REPORT_AT_EXIT, WIRE_FIGURE_dirty_decay, &ms) ||
	    verdict_figure(in, REPORT_AT_PEAK, WIRE_FIGURE_dirty_decay, &ms))
		return ms;
	const char *text = a->decay_setting ? verdict_setting(in, a->decay_setting) : NULL;
	if (!text && a->decay_setting && !strncmp(a->decay_setting, "opt.", 4))
		text = verdict_setting(in, a->decay_setting + 4);
	char *end;
	ms = text ? strtoll(text, &end, 10) : 0;
	return text && end != text ? ms : a->decay_ms;
}

bool verdict_decay_ns(const struct verdict_input *in, int64_t *ret_ns)
{
	const struct verdict_allocator *a = verdict_allocator(in);
	if (!a || !a->knobs[KNOB_DECAY])
		return false;
	int64_t ms = decay_ms(in, a);
	*ret_ns = ms < 0 ? -1 : ms > INT64_MAX / 1000000 ? INT64_MAX : ms * 1000000;
	return true;
}

/* Whether a linked jemalloc was built with a prefix can't be seen: tikv-jemallocator, which Rust
 * programs have, was; what C and C++ programs have mostly was not. */
const char *verdict_setting_words(const struct verdict_input *in, const char *knob, char *text, size_t size)
{
	const struct verdict_allocator *a = verdict_allocator(in);
	bool linked = in->heap && (!strcmp(in->heap->found, "symbols") || !strcmp(in->heap->found, "behaviour"));
	if (!a || !a->conf)
		snprintf(text, size, "%s", knob);
	else if (linked)
		snprintf(text, size, "_RJEM_MALLOC_CONF=%s (MALLOC_CONF=%s if it was built without a prefix)", knob, knob);
	else
		snprintf(text, size, "MALLOC_CONF=%s", knob);
	return text;
}

/* Decay: jemalloc 5 (opt.dirty_decay_ms 10,000). mimalloc 2 and 3 purge after 10 ms, 1,000 ms, but
 * only when something else is allocated or freed then. tcmalloc gives back at a rate of 1: a page
 * for each 1,000 that are freed, and gperftools 2.10 calls that TCMALLOC_RELEASE_RATE. */
static const struct verdict_allocator allocators[] = {
	{ "jemalloc", 10000, "opt.dirty_decay_ms",
	  { "dirty_decay_ms:0", "narenas:1", "tcache:false", "thp:never" }, true },
	{ "mimalloc", 10, "purge_delay",
	  { "MIMALLOC_PURGE_DELAY=0", NULL, NULL, "MIMALLOC_ALLOW_LARGE_OS_PAGES=0" }, false },
	{ "tcmalloc", -1, NULL,
	  { "TCMALLOC_RELEASE_RATE=10", NULL, "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=1048576", NULL }, false },
	{ "glibc", 0, NULL,
	  { NULL, "MALLOC_ARENA_MAX=1", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0",
	    "GLIBC_TUNABLES=glibc.malloc.hugetlb=0" }, false },
	{ NULL, 0, NULL, { NULL }, false },
};
