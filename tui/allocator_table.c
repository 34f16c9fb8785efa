/* SPDX-License-Identifier: MIT */
/* Loading; see allocator_table.h. Figures of one reading have one time; the walk is in order of
 * time, so that of each heap the nearest is known when a farther one is met. */
#include "allocator_table.h"

#include "stack_labels.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROW(t, what) stack_grow(&(t)->what##s, (t)->what##_count, &(t)->what##_slots, sizeof *(t)->what##s)

/* time_ns of the reading to show, by heap. */
struct nearest { struct allocator_table *t; int64_t time_ns[WIRE_HEAPS]; bool had[WIRE_HEAPS]; };

static int choose(void *arg, const struct recording_figure *f)
{
	struct nearest *n = arg;
	int64_t at = n->t->at_ns;
	if (f->heap >= WIRE_HEAPS)
		return 0;
	if (!n->had[f->heap] || llabs(f->time_ns - at) < llabs(n->time_ns[f->heap] - at)) {
		n->had[f->heap] = true;
		n->time_ns[f->heap] = f->time_ns;
	}
	return 0;
}

static int add_figure(void *arg, const struct recording_figure *f)
{
	struct nearest *n = arg;
	if (f->heap >= WIRE_HEAPS || f->time_ns != n->time_ns[f->heap])
		return 0;
	struct recording_figure *to = GROW(n->t, figure);
	if (!to)
		return -ENOMEM;
	*to = *f;
	n->t->figure_count++;
	return 0;
}

static int add_setting(void *arg, const struct recording_setting *s)
{
	struct allocator_table *t = arg;
	struct allocator_setting *to = GROW(t, setting);
	if (!to)
		return -ENOMEM;
	*to = (struct allocator_setting){ s->heap, strdup(s->name), strdup(s->value) };
	t->setting_count++;
	return to->name && to->value ? 0 : -ENOMEM;
}

static int add_purge(void *arg, const struct recording_purge *p)
{
	struct allocator_table *t = arg;
	struct recording_purge *to = GROW(t, purge);
	if (!to)
		return -ENOMEM;
	*to = *p;
	to->reason = "";
	t->purge_count++;
	return 0;
}

static int add_reading(void *arg, const struct recording_reading *x)
{
	struct allocator_table *t = arg;
	t->readings++;
	if (x->result != WIRE_READING_OK) {
		t->failed++;
		t->last_failure = x->result;
	}
	return 0;
}

static int by_arena(const void *a, const void *b)
{
	const struct recording_figure *x = a, *y = b;
	if (x->heap != y->heap)
		return x->heap < y->heap ? -1 : 1;
	if (x->arena != y->arena)
		return x->arena < y->arena ? -1 : 1;
	return x->figure - y->figure;
}

static int load(struct allocator_table *t, struct recording *r, uint32_t id)
{
	struct nearest n = { .t = t };
	int result = recording_each_figure(r, id, choose, &n);
	if (!result)
		result = recording_each_figure(r, id, add_figure, &n);
	if (!result)
		result = recording_each_setting(r, id, add_setting, t);
	if (!result)
		result = recording_each_purge(r, id, add_purge, t);
	if (!result)
		result = recording_each_reading(r, id, add_reading, t);
	if (!result && t->figure_count)
		qsort(t->figures, t->figure_count, sizeof *t->figures, by_arena);
	return result;
}

int allocator_table_load(struct allocator_table *t, struct recording *r, uint32_t process_id, int64_t at_ns)
{
	if (t->had && t->at_ns == at_ns)
		return t->result;
	allocator_table_finish(t);
	*t = (struct allocator_table){ .had = true, .at_ns = at_ns };
	t->result = load(t, r, process_id);
	return t->result;
}

void allocator_table_finish(struct allocator_table *t)
{
	for (size_t i = 0; i < t->setting_count; i++) {
		free(t->settings[i].name);
		free(t->settings[i].value);
	}
	free(t->figures);
	free(t->settings);
	free(t->purges);
	*t = (struct allocator_table){ 0 };
}
