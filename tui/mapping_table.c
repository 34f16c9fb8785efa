/* SPDX-License-Identifier: MIT */
/* A walk for the moments, another for the rows of one; see mapping_table.h. */
#include "mapping_table.h"

#include "stack_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROW(t, what) stack_grow(&(t)->what##s, (t)->what##_count, &(t)->what##_slots, sizeof *(t)->what##s)

/* Rows come by snapshot. */
static int note_moment(void *arg, const struct recording_mapping *m)
{
	struct mapping_table *t = arg;
	if (t->moment_count && t->moments[t->moment_count - 1].snapshot_id == m->snapshot_id)
		return 0;
	struct mapping_moment *to = GROW(t, moment);
	if (!to)
		return -ENOMEM;
	*to = (struct mapping_moment){ m->snapshot_id, m->time_ns };
	t->moment_count++;
	return 0;
}

static struct mapping_moment nearest(const struct mapping_table *t, int64_t at_ns)
{
	struct mapping_moment best = t->moments[0];
	for (size_t i = 1; i < t->moment_count; i++)
		if (llabs(t->moments[i].time_ns - at_ns) < llabs(best.time_ns - at_ns))
			best = t->moments[i];
	return best;
}

static int add(void *arg, const struct recording_mapping *m)
{
	struct mapping_table *t = arg;
	if (m->snapshot_id != t->found.snapshot_id)
		return 0;
	struct snapshot_mapping *to = GROW(t, row);
	char *name = to ? strdup(m->m.name) : NULL;
	if (!name)
		return -ENOMEM;
	*to = m->m;
	to->name = name;
	t->row_count++;
	return 0;
}

/* SQLite's integers are signed: the highest addresses come first. */
static int by_start(const void *a, const void *b)
{
	const struct snapshot_mapping *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void drop_rows(struct mapping_table *t)
{
	for (size_t i = 0; i < t->row_count; i++)
		free(t->rows[i].name);
	free(t->rows);
	t->rows = NULL;
	t->row_count = t->row_slots = 0;
	t->found.snapshot_id = RECORDING_UNKNOWN;
}

static int load_rows(struct mapping_table *t, struct recording *r, uint32_t process_id)
{
	struct mapping_moment m = t->moment_count ? nearest(t, t->at_ns) : (struct mapping_moment){ 0, 0 };
	if (!t->moment_count)
		return -ENOENT;
	if (t->row_count && m.snapshot_id == t->found.snapshot_id)
		return 0;
	drop_rows(t);
	t->found = m;
	int result = recording_each_mapping(r, process_id, add, t);
	if (!result && !t->row_count)
		result = -ENOENT; /* they went since */
	if (!result)
		qsort(t->rows, t->row_count, sizeof *t->rows, by_start);
	return result;
}

int mapping_table_load(struct mapping_table *t, struct recording *r, uint32_t process_id, int64_t at_ns)
{
	if (t->had && t->at_ns == at_ns)
		return t->result;
	if (!t->had)
		t->walked = recording_each_mapping(r, process_id, note_moment, t);
	t->had = true;
	t->at_ns = at_ns;
	t->result = t->walked ? t->walked : load_rows(t, r, process_id);
	return t->result;
}

void mapping_table_finish(struct mapping_table *t)
{
	drop_rows(t);
	free(t->moments);
	*t = (struct mapping_table){ 0 };
}
