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

static int64_t number_or_unknown(const char *text)
{
	char *end;
	int64_t n = text ? strtoll(text, &end, 10) : 0;
	return text && end != text ? n : RECORDING_UNKNOWN;
}

/* The figure is of the arenas, which the program may have changed; the option is how it began. */
static int64_t decay_ms(const struct verdict_input *in, const struct verdict_allocator *a)
{
	int64_t ms;
	if (verdict_figure(in, REPORT_AT_EXIT, WIRE_FIGURE_dirty_decay, &ms) ||
	    verdict_figure(in, REPORT_AT_PEAK, WIRE_FIGURE_dirty_decay, &ms))
		return ms;
	const char *aggressive = verdict_setting(in, "tcmalloc.aggressive_memory_decommit");
	if (aggressive && !strcmp(aggressive, "1"))
		return 0;
	for (size_t i = 0; i < 2 && a->decay_settings[i]; i++) {
		const char *text = verdict_setting(in, a->decay_settings[i]);
		if (text)
			return number_or_unknown(text); /* -1: never, as the allocators have it too */
	}
	return a->decay_ms;
}

/* mimalloc called it another name before 2.1. */
const char *verdict_decay_knob(const struct verdict_input *in)
{
	bool old = verdict_is_allocator(in, "mimalloc") &&
		   (!strncmp(in->heap->version, "2.0", 3) || !strncmp(in->heap->version, "1.", 2));
	bool untold = verdict_is_allocator(in, "mimalloc") && !*in->heap->version;
	return old ? "MIMALLOC_DECOMMIT_DELAY=0" :
	       untold ? "MIMALLOC_PURGE_DELAY=0 (before 2.1: MIMALLOC_DECOMMIT_DELAY=0)" :
	       verdict_allocator(in)->knobs[KNOB_DECAY];
}

int64_t verdict_arenas_limit(const struct verdict_input *in)
{
	static const char *const names[] = { "opt.narenas", "MALLOC_ARENA_MAX" };
	const char *tunables = verdict_setting(in, "GLIBC_TUNABLES");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (verdict_setting(in, names[i]))
			return number_or_unknown(verdict_setting(in, names[i]));
	tunables = tunables ? strstr(tunables, "arena_max=") : NULL;
	return tunables ? number_or_unknown(tunables + strlen("arena_max=")) : RECORDING_UNKNOWN;
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

#define TUNABLES "GLIBC_TUNABLES="

/* glibc has one variable for all: what it says already is kept, but for the same tunable. */
static void add_tunable(const struct verdict_input *in, const char *knob, char *text, size_t size)
{
	const char *tunable = knob + strlen(TUNABLES), *at = verdict_setting(in, "GLIBC_TUNABLES");
	size_t name = strcspn(tunable, "=") + 1, n = (size_t)snprintf(text, size, TUNABLES), part;
	for (; at && *at; at += part + (at[part] == ':')) {
		part = strcspn(at, ":");
		if (part && strncmp(at, tunable, name) && n < size)
			n += (size_t)snprintf(text + n, size - n, "%.*s:", (int)part, at);
	}
	if (n < size)
		snprintf(text + n, size - n, "%s", tunable);
}

/* Whether a linked jemalloc was built with a prefix can't be seen: tikv-jemallocator, which Rust
 * programs have, was; what C and C++ programs have mostly was not. */
const char *verdict_setting_words(const struct verdict_input *in, const char *knob, char *text, size_t size)
{
	const struct verdict_allocator *a = verdict_allocator(in);
	bool linked = in->heap && (!strcmp(in->heap->found, "symbols") || !strcmp(in->heap->found, "behaviour"));
	if (!strncmp(knob, TUNABLES, strlen(TUNABLES)))
		add_tunable(in, knob, text, size);
	else if (!a || !a->conf)
		snprintf(text, size, "%s", knob);
	else if (linked)
		snprintf(text, size, "_RJEM_MALLOC_CONF=%s (MALLOC_CONF, if it was built without a prefix)", knob);
	else
		snprintf(text, size, "MALLOC_CONF=%s", knob);
	return text;
}

/* Decay: jemalloc 5 (opt.dirty_decay_ms 10,000). mimalloc 2.0 waits for 25 ms, later ones for 10
 * or 1,000, and looks only when it is called. gperftools' tcmalloc has no clock: it gives back a
 * page for each 1,000 that are freed (TCMALLOC_RELEASE_RATE 1), and ten times as many changed
 * nothing that could be measured on short programs: 71 MiB, with aggressive decommit 12.
 * mimalloc 2 leaves huge pages to the kernel. */
static const struct verdict_allocator allocators[] = {
	{ "jemalloc", 10000, { "opt.dirty_decay_ms", NULL },
	  { "dirty_decay_ms:0", "narenas:1", "tcache:false", "thp:never" }, true },
	{ "mimalloc", 25, { "MIMALLOC_PURGE_DELAY", "MIMALLOC_DECOMMIT_DELAY" },
	  { "MIMALLOC_PURGE_DELAY=0", NULL, NULL, NULL }, false },
	{ "tcmalloc", -1, { NULL, NULL },
	  { "TCMALLOC_AGGRESSIVE_DECOMMIT=t", NULL,
	    "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=524288", NULL }, false },
	{ "glibc", 0, { NULL, NULL },
	  { NULL, "MALLOC_ARENA_MAX=1", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0",
	    "GLIBC_TUNABLES=glibc.malloc.hugetlb=0" }, false },
	{ NULL, 0, { NULL, NULL }, { NULL }, false },
};
