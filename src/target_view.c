/* SPDX-License-Identifier: MIT */
/*
 * One process: its shadow, its pages, its mmap records, joined. A snapshot drains the
 * events, scans the shadow, then mappings, page states and statm, in this order and close
 * together: statm last, because it is what the sum is compared with. Where the target ran
 * on in between and the two differ, pages are read again. What the machine forbids makes
 * terms absent; only a process that is gone makes a snapshot fail.
 */
#include "target_view.h"
#include "target_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTACH_NS 1000000000ull
#define SCANS 4
#define LIVE_PER_DIFFERENCE 1000 /* 0.1 % of live, between shadow and counters */

int target_view_create(pid_t pid, int memfd, struct target_view **ret_view)
{
	struct target_view *v = calloc(1, sizeof *v);
	if (!v)
		return -ENOMEM;
	int rc = platform_process_init(&v->process, pid, NULL);
	if (rc < 0) {
		free(v);
		return rc;
	}
	if (memfd >= 0 && (rc = shadow_view_create(memfd, &v->shadow)) < 0) {
		platform_process_finish(&v->process);
		free(v);
		return rc;
	}
	v->created_ns = platform_now_ns();
	*ret_view = v;
	return 0;
}

void target_view_destroy(struct target_view *v)
{
	if (!v)
		return;
	stack_view_destroy(v->stacks);
	shadow_view_destroy(v->shadow);
	region_map_finish(&v->records);
	target_events_finish(&v->events);
	target_finish_reading(&v->reading);
	target_finish_reading(&v->spare);
	platform_process_finish(&v->process);
	free(v->threads);
	free(v);
}

void target_view_limit_source(struct target_view *v, enum page_source best)
{
	v->process.best_source = best;
}

int target_view_inherit(struct target_view *child, const struct target_view *parent)
{
	int rc = region_map_copy(&child->records, &parent->records);
	return rc < 0 ? rc : target_events_inherit(&child->events, &parent->events);
}

void target_view_set_foreign_heap(struct target_view *v)
{
	__atomic_store_n(&v->foreign_heap, 1, __ATOMIC_RELAXED);
}

struct wire_control *target_view_control(struct target_view *v)
{
	return v->shadow ? shadow_view_control(v->shadow) : NULL;
}

int target_view_drain(struct target_view *v, target_event_fn *fn, void *arg)
{
	return v->shadow ? target_events_take(&v->events, v->shadow, &v->records, fn, arg) : 0;
}

/* ---- counters -------------------------------------------------------------------- */

static void add_thread_counters(struct counters *c, const struct wire_thread *t, uint64_t *live)
{
	*live += (uint64_t)LOAD(t->delta_bytes); /* unsigned: a hostile sum may wrap, never trap */
	c->allocated_bytes += LOAD(t->allocated_bytes);
	c->freed_bytes += LOAD(t->freed_bytes);
	c->allocations += LOAD(t->allocations);
	c->frees += LOAD(t->frees);
	c->unknown_frees += LOAD(t->unknown_frees);
	c->unknown_reallocs += LOAD(t->unknown_reallocs);
	c->double_allocations += LOAD(t->double_allocations);
	c->before_hooks_frees += LOAD(t->before_hooks_frees);
	c->threads += LOAD(t->starts);
}

int target_view_counters(struct target_view *v, struct counters *ret_counters)
{
	struct counters c = { 0 };
	*ret_counters = c;
	if (!v->shadow)
		return 0;
	const struct wire_control *control = shadow_view_control(v->shadow);
	const struct wire_thread *threads = shadow_view_threads(v->shadow);
	uint32_t count = shadow_view_thread_count(v->shadow);
	uint64_t live = (uint64_t)LOAD(control->live_bytes);
	for (uint32_t i = 0; i < count; i++)
		add_thread_counters(&c, &threads[i], &live);
	if (c.threads < count)
		c.threads = count;
	c.live_bytes = (int64_t)live;
	c.live_peak_bytes = LOAD(control->live_peak_bytes);
	if (c.live_peak_bytes < c.live_bytes)
		c.live_peak_bytes = c.live_bytes;
	c.live_peak_ns = LOAD(control->live_peak_ns);
	c.lost_events = LOAD(control->lost_events) + v->events.skipped;
	*ret_counters = c;
	return 0;
}

bool target_view_is_settled(struct target_view *v)
{
	const struct wire_thread *threads = v->shadow ? shadow_view_threads(v->shadow) : NULL;
	uint32_t count = v->shadow ? shadow_view_thread_count(v->shadow) : 0;
	for (uint32_t i = 0; i < count; i++)
		if (__atomic_load_n(&threads[i].inflight_address, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

int target_view_sample(struct target_view *v, struct sample *ret_sample)
{
	struct sample s = { .time_ns = platform_now_ns() };
	int64_t mapped;
	int rc = platform_read_resident(&v->process, &s.rss_bytes, &mapped);
	if (rc < 0)
		return rc;
	target_view_counters(v, &s.counters);
	*ret_sample = s;
	return 0;
}

/* ---- what goes into the classification ---------------------------------------------- */

/* A probe that turned itself off knows blocks no longer; beside an allocator that it does
 * not follow it sees mmaps all the same. */
static struct knowledge find_knowledge(struct target_view *v)
{
	if (!v->shadow)
		return (struct knowledge){ false, false };
	if (LOAD(v->foreign_heap))
		return (struct knowledge){ false, true };
	uint32_t state = LOAD(shadow_view_control(v->shadow)->state);
	bool is_on = state == WIRE_STATE_ON || state == WIRE_STATE_EXITING || state == WIRE_STATE_EXECING;
	return (struct knowledge){ is_on, is_on };
}

/* A probe sets itself up within milliseconds; until then anonymous pages have no owners. */
static bool is_attaching(struct target_view *v, uint64_t now_ns)
{
	return v->shadow && LOAD(shadow_view_control(v->shadow)->state) == WIRE_STATE_NEW &&
	       now_ns - v->created_ns < ATTACH_NS;
}

static int compare_threads(const void *a, const void *b)
{
	uint64_t x = ((const struct classify_thread *)a)->tls_address, y = ((const struct classify_thread *)b)->tls_address;
	return (x > y) - (x < y);
}

static int collect_threads(struct target_view *v)
{
	const struct wire_thread *threads = v->shadow ? shadow_view_threads(v->shadow) : NULL;
	uint32_t count = v->shadow ? shadow_view_thread_count(v->shadow) : 0;
	if (count > v->thread_capacity) {
		struct classify_thread *moved = realloc(v->threads, count * sizeof *moved);
		if (!moved)
			return -ENOMEM;
		v->threads = moved;
		v->thread_capacity = count;
	}
	v->thread_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t tls = LOAD(threads[i].tls_address);
		if (tls)
			v->threads[v->thread_count++] = (struct classify_thread){ tls, LOAD(threads[i].stack_hint) };
	}
	if (v->thread_count)
		qsort(v->threads, v->thread_count, sizeof *v->threads, compare_threads);
	return 0;
}

/* ---- mappings of a snapshot ------------------------------------------------------------ */

static int copy_mappings(struct target_view *v, struct knowledge k, struct snapshot *s)
{
	size_t count = v->reading.mappings.count;
	s->mappings = calloc(count ? count : 1, sizeof *s->mappings);
	for (size_t i = 0; s->mappings && i < count; i++) {
		const struct platform_mapping *from = &v->reading.mappings.items[i];
		const struct classify_mapping *sums = &v->reading.sums.mappings[i];
		struct snapshot_mapping *to = &s->mappings[i];
		*to = (struct snapshot_mapping){
			.start = from->start, .end = from->end, .name = strdup(from->name),
			.resident_bytes = sums->resident_bytes, .dirty_bytes = sums->dirty_bytes,
			.live_bytes = k.blocks ? shadow_view_live_bytes_in(v->shadow, from->start, from->end) : 0,
		};
		memcpy(to->perms, from->perms, sizeof to->perms);
		strncpy(to->kind, mapping_kind_name(sums->kind), sizeof to->kind - 1);
		s->mapping_count = i + 1;
		if (!to->name)
			return -ENOMEM;
	}
	return s->mappings ? 0 : -ENOMEM;
}

bool target_view_find_module(const struct target_view *v, uint64_t address, const char **ret_name, uint64_t *ret_offset)
{
	const struct platform_mappings *list = &v->reading.mappings;
	size_t at = 0, first = 0;
	while (at < list->count && list->items[at].end <= address)
		at++;
	if (at == list->count || list->items[at].start > address || list->items[at].name[0] != '/')
		return false;
	while (strcmp(list->items[first].name, list->items[at].name) != 0)
		first++;
	*ret_name = list->items[at].name;
	*ret_offset = address - list->items[first].start;
	return true;
}

/* Everything but the mappings; *s has time, trigger and hold. */
static int fill_snapshot(struct target_view *v, struct knowledge k, struct snapshot *s)
{
	int rc = target_read_pages(v, k, s->hold);
	if (rc == -ESRCH || rc == -ENOMEM || v->reading.rss_bytes == 0)
		return rc < 0 ? rc : -ESRCH;
	s->pages = rc == 0 ? v->reading.runs.source : PAGES_NONE;
	target_fill_ledger(v, k, rc == 0, &s->ledger, &s->vm_hwm_bytes);
	return 0;
}

/* A thread that was inside malloc when the others were held books its block when it gets the
 * processor again, perhaps behind the scan. Then the counters know more than the shadow did,
 * and what changed since is read once more: little, for the others wait. */
static int scan_blocks(struct target_view *v, struct counters *ret_counters)
{
	int64_t off = INT64_MAX;
	int rc = 0;
	for (int tries = 0; rc == 0 && tries < SCANS; tries++) {
		int64_t before = off;
		rc = shadow_view_scan(v->shadow);
		target_view_counters(v, ret_counters);
		off = target_distance(shadow_view_live_bytes(v->shadow), ret_counters->live_bytes);
		if (off <= ret_counters->live_bytes / LIVE_PER_DIFFERENCE || off >= before)
			break;
	}
	return rc;
}

int target_view_snapshot(struct target_view *v, enum snapshot_trigger trigger, enum snapshot_hold hold,
			 bool want_mappings, target_event_fn *fn, void *arg, struct snapshot *ret_snapshot)
{
	struct snapshot s = { .time_ns = platform_now_ns(), .trigger = trigger, .hold = hold };
	struct knowledge k = find_knowledge(v);
	if (trigger == TRIGGER_RSS_GROWTH && is_attaching(v, s.time_ns))
		return -EAGAIN;
	v->has_pages = false;
	target_view_drain(v, fn, arg);
	int rc = collect_threads(v);
	if (rc == 0 && k.blocks)
		rc = scan_blocks(v, &s.counters);
	else
		target_view_counters(v, &s.counters);
	if (rc < 0)
		return rc;
	target_view_drain(v, fn, arg);
	rc = fill_snapshot(v, k, &s);
	if (rc == 0 && want_mappings && s.pages != PAGES_NONE)
		rc = copy_mappings(v, k, &s);
	if (rc < 0) {
		snapshot_finish(&s);
		return rc;
	}
	v->known = k;
	v->has_pages = s.pages != PAGES_NONE;
	s.duration_ns = platform_now_ns() - s.time_ns;
	*ret_snapshot = s;
	return 0;
}
