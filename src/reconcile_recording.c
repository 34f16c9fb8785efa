/* SPDX-License-Identifier: MIT */
/* See reconcile_recording.h. */
#include "reconcile_recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_NS 50000000

struct reconcile_reading {
	uint32_t process_id, heap;
	int64_t time_ns;
	uint64_t has;
	int64_t values[WIRE_FIGURES];
};
/* Rows of one reading follow each other. */
static struct reconcile_reading *reading_of(struct reconcile_readings *w, const struct recording_figure *f)
{
	struct reconcile_reading *last = w->count ? &w->all[w->count - 1] : NULL;
	if (last && last->process_id == f->process_id && last->heap == f->heap && last->time_ns == f->time_ns)
		return last;
	if (w->count == w->slots) {
		size_t slots = w->slots ? 2 * w->slots : 64;
		void *more = reallocarray(w->all, slots, sizeof *w->all);
		if (!more)
			return NULL;
		w->all = more;
		w->slots = slots;
	}
	last = &w->all[w->count++];
	*last = (struct reconcile_reading){ .process_id = f->process_id, .heap = f->heap, .time_ns = f->time_ns };
	return last;
}

static int keep_figure(void *arg, const struct recording_figure *f)
{
	if (f->arena != WIRE_ARENA_ALL)
		return 0;
	struct reconcile_reading *r = reading_of(arg, f);
	if (!r)
		return -ENOMEM;
	r->has |= UINT64_C(1) << f->figure;
	r->values[f->figure] = f->value;
	return 0;
}

/* The last one before a time and the first one after it; NULL: none is near. */
struct around { const struct reconcile_reading *before, *after; };

static struct around readings_around(const struct reconcile_readings *w, uint32_t process_id, uint32_t heap, int64_t time_ns)
{
	struct around a = { NULL, NULL };
	for (size_t i = 0; i < w->count && !a.after; i++) {
		const struct reconcile_reading *r = &w->all[i];
		if (r->process_id != process_id || r->heap != heap || llabs(r->time_ns - time_ns) > NEAR_NS)
			continue;
		if (r->time_ns <= time_ns)
			a.before = r;
		else
			a.after = r;
	}
	return a;
}

static const struct reconcile_reading *nearer(const struct around *a, int64_t time_ns)
{
	if (!a->before || !a->after)
		return a->before ? a->before : a->after;
	return time_ns - a->before->time_ns <= a->after->time_ns - time_ns ? a->before : a->after;
}

static size_t reconcile_with(const struct reconcile_reading *r, const struct recording_snapshot *s, const struct recording_process *p,
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

void reconcile_snapshot(const struct reconcile_readings *w, const struct recording_snapshot *s,
			const struct recording_process *p, uint32_t heap, struct reconcile_comparison *ret)
{
	struct reconcile_line others[RECONCILE_LINES_MAX];
	int64_t time_ns = (int64_t)s->s.time_ns;
	struct around a = readings_around(w, p->id, heap, time_ns);
	const struct reconcile_reading *r = nearer(&a, time_ns);
	size_t other_count = reconcile_with(r == a.before ? a.after : a.before, s, p, others);
	ret->count = reconcile_with(r, s, p, ret->lines);
	ret->read_ns = r ? r->time_ns : RECORDING_UNKNOWN;
	for (size_t i = 0; i < ret->count; i++)
		explain_change(&ret->lines[i], others, other_count);
}

int reconcile_readings_init(struct reconcile_readings *w, struct recording *r, uint32_t process_id)
{
	*w = (struct reconcile_readings){ 0 };
	int result = recording_each_figure(r, process_id, keep_figure, w);
	if (result)
		reconcile_readings_finish(w);
	return result;
}

void reconcile_readings_finish(struct reconcile_readings *w)
{
	free(w->all);
	*w = (struct reconcile_readings){ 0 };
}
