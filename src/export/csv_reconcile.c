/* SPDX-License-Identifier: MIT */
/*
 * CSV of reconcile.h: for each snapshot and allocator the comparisons with the nearest
 * reading. A thread that waits for a snapshot makes its reading just before, so near means
 * some milliseconds; a snapshot without one is left out. What the readings before and after it
 * differ by may have happened between reading and snapshot, and explains as much.
 */
#include "export/csv_private.h"
#include "reconcile.h"
#include "recording_allocator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_NS 50000000

struct reading {
	uint32_t process_id, heap;
	int64_t time_ns;
	uint64_t has;
	int64_t values[WIRE_FIGURES];
};
struct walk {
	struct recording *recording;
	struct csv *csv;
	struct reading *readings; /* in order of time */
	size_t count, slots;
};

/* ---- readings ---------------------------------------------------------------------- */

/* Rows of one reading follow each other. */
static struct reading *reading_of(struct walk *w, const struct recording_figure *f)
{
	struct reading *last = w->count ? &w->readings[w->count - 1] : NULL;
	if (last && last->process_id == f->process_id && last->heap == f->heap && last->time_ns == f->time_ns)
		return last;
	if (w->count == w->slots) {
		size_t slots = w->slots ? 2 * w->slots : 64;
		void *more = reallocarray(w->readings, slots, sizeof *w->readings);
		if (!more)
			return NULL;
		w->readings = more;
		w->slots = slots;
	}
	last = &w->readings[w->count++];
	*last = (struct reading){ .process_id = f->process_id, .heap = f->heap, .time_ns = f->time_ns };
	return last;
}

static int keep_figure(void *arg, const struct recording_figure *f)
{
	if (f->arena != WIRE_ARENA_ALL)
		return 0;
	struct reading *r = reading_of(arg, f);
	if (!r)
		return -ENOMEM;
	r->has |= UINT64_C(1) << f->figure;
	r->values[f->figure] = f->value;
	return 0;
}

/* The last one before a time and the first one after it; NULL: none is near. */
struct around { const struct reading *before, *after; };

static struct around readings_around(const struct walk *w, uint32_t process_id, uint32_t heap, int64_t time_ns)
{
	struct around a = { NULL, NULL };
	for (size_t i = 0; i < w->count && !a.after; i++) {
		const struct reading *r = &w->readings[i];
		if (r->process_id != process_id || r->heap != heap || llabs(r->time_ns - time_ns) > NEAR_NS)
			continue;
		if (r->time_ns <= time_ns)
			a.before = r;
		else
			a.after = r;
	}
	return a;
}

static const struct reading *nearer(const struct around *a, int64_t time_ns)
{
	if (!a->before || !a->after)
		return a->before ? a->before : a->after;
	return time_ns - a->before->time_ns <= a->after->time_ns - time_ns ? a->before : a->after;
}

/* ---- rows -------------------------------------------------------------------------- */

static int write_line(struct walk *w, const struct recording_snapshot *s, const struct reading *r,
		      const struct recording_heap *heap, const struct reconcile_line *l)
{
	struct csv *c = w->csv;
	csv_unsigned(c, s->s.time_ns);
	csv_write_pid(c, w->recording, s->process_id);
	csv_text(c, snapshot_trigger_name(s->s.trigger));
	csv_text(c, snapshot_hold_name(s->s.hold));
	csv_unsigned(c, r->heap);
	csv_text(c, heap->name);
	csv_integer(c, r->time_ns);
	csv_text(c, l->figure);
	csv_integer(c, l->figure_bytes);
	csv_text(c, l->sum);
	csv_integer(c, l->ledger_bytes);
	csv_integer(c, l->difference_bytes);
	csv_text(c, l->explanation);
	return csv_end_line(c);
}

static size_t reconcile_with(const struct reading *r, const struct recording_snapshot *s, const struct recording_process *p,
			     struct reconcile_line ret_lines[RECONCILE_LINES_MAX])
{
	if (!r)
		return 0;
	struct reconcile_input in = {
		.allocator = p->heaps[r->heap].name, .has = r->has, .ledger = &s->s.ledger,
		.threads = s->has_counters ? s->s.counters.threads : 0, .alone = p->heap_count == 1,
	};
	memcpy(in.values, r->values, sizeof in.values);
	return reconcile(&in, ret_lines);
}

/* other: the same comparisons with the reading on the other side of the snapshot. */
static void explain_change(struct reconcile_line *l, const struct reconcile_line *other, size_t others)
{
	for (size_t i = 0; i < others && !l->explained; i++)
		if (!strcmp(l->figure, other[i].figure) &&
		    llabs(l->difference_bytes) <= llabs(l->figure_bytes - other[i].figure_bytes)) {
			l->explained = true;
			l->explanation = "the heap changed between the reading and the snapshot";
		}
}

static int write_heap(struct walk *w, const struct recording_snapshot *s, const struct recording_process *p, uint32_t heap)
{
	struct reconcile_line lines[RECONCILE_LINES_MAX], others[RECONCILE_LINES_MAX];
	int64_t time_ns = (int64_t)s->s.time_ns;
	struct around a = readings_around(w, p->id, heap, time_ns);
	const struct reading *r = nearer(&a, time_ns);
	size_t n = reconcile_with(r, s, p, lines), other_count = reconcile_with(r == a.before ? a.after : a.before, s, p, others);
	int result = 0;
	for (size_t i = 0; !result && i < n; i++) {
		explain_change(&lines[i], others, other_count);
		result = write_line(w, s, r, &p->heaps[heap], &lines[i]);
	}
	return result;
}

static int write_snapshot(void *arg, const struct recording_snapshot *s)
{
	struct walk *w = arg;
	const struct recording_process *p = recording_process_by_id(w->recording, s->process_id);
	int result = 0;
	for (uint32_t heap = 0; p && !result && heap < p->heap_count; heap++)
		result = write_heap(w, s, p, heap);
	return result;
}

int csv_write_reconciliation(struct recording *r, struct csv *c)
{
	static const char *const names[] = {
		"time_ns", "pid", "trigger", "hold", "heap", "allocator", "read_ns", "figures", "figures_bytes", "terms",
		"terms_bytes", "difference_bytes", "explanation", NULL
	};
	struct walk w = { .recording = r, .csv = c };
	int result = recording_each_figure(r, 0, keep_figure, &w);
	if (!result)
		result = csv_write_header(c, names);
	if (!result)
		result = recording_each_snapshot(r, 0, write_snapshot, &w);
	free(w.readings);
	return result;
}
