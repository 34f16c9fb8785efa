/* SPDX-License-Identifier: MIT */
/* Two walks: which snapshot, then its rows; see mapping_table.h. */
#include "mapping_table.h"

#include "stack_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int choose(void *arg, const struct recording_mapping *m)
{
	struct mapping_table *t = arg;
	if (t->snapshot_id < 0 || llabs(m->time_ns - t->at_ns) < llabs(t->time_ns - t->at_ns)) {
		t->snapshot_id = m->snapshot_id;
		t->time_ns = m->time_ns;
	}
	return 0;
}

static int add(void *arg, const struct recording_mapping *m)
{
	struct mapping_table *t = arg;
	if (m->snapshot_id != t->snapshot_id)
		return 0;
	struct snapshot_mapping *to = stack_grow(&t->rows, t->row_count, &t->row_slots, sizeof *t->rows);
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

int mapping_table_load(struct mapping_table *t, struct recording *r, uint32_t process_id, int64_t at_ns)
{
	if (t->had && t->at_ns == at_ns)
		return t->result;
	mapping_table_finish(t);
	*t = (struct mapping_table){ .had = true, .at_ns = at_ns, .snapshot_id = RECORDING_UNKNOWN };
	t->result = recording_each_mapping(r, process_id, choose, t);
	if (!t->result)
		t->result = t->snapshot_id < 0 ? -ENOENT : recording_each_mapping(r, process_id, add, t);
	if (!t->result)
		qsort(t->rows, t->row_count, sizeof *t->rows, by_start);
	return t->result;
}

void mapping_table_finish(struct mapping_table *t)
{
	for (size_t i = 0; i < t->row_count; i++)
		free(t->rows[i].name);
	free(t->rows);
	*t = (struct mapping_table){ 0 };
}
