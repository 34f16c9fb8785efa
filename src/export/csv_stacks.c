/* SPDX-License-Identifier: MIT */
/*
 * The CSV table "stacks": a row for each call stack that has figures at the moment, with its
 * functions from the outermost one in, parted by ';' as in the folded format.
 */
#include "export/export.h"

#include "export/folded.h"
#include "util/csv.h"

#include <errno.h>
#include <stdlib.h>

static void write_known(struct csv *c, int64_t value)
{
	csv_integer_or_empty(c, value, value >= 0);
}

static int write_row(const struct stack_model *m, const struct stack_entry *e, struct csv *c)
{
	const struct recording_stack_figure *f = &e->figure;
	const struct recording_stack_total *t = &e->total;
	char *text = folded_text(m, e->stack);
	if (!text)
		return -ENOMEM;
	csv_integer_or_empty(c, (int64_t)m->snapshot.s.time_ns, m->snapshot.id > 0);
	csv_integer(c, m->report.process->pid);
	csv_unsigned(c, m->nodes[e->stack].id);
	csv_integer(c, f->live_bytes);
	csv_integer(c, f->live_blocks);
	csv_integer(c, f->rounding_bytes);
	csv_integer(c, f->pinned_bytes);
	csv_integer(c, f->pinned_pages);
	csv_integer(c, f->dirty_bytes);
	write_known(c, f->live_error_bytes);
	write_known(c, f->pinned_error_bytes);
	csv_integer(c, t->allocated_bytes);
	csv_integer(c, t->allocations);
	csv_integer(c, t->samples);
	csv_text(c, text);
	free(text);
	return csv_end_line(c);
}

int export_csv_stacks(const struct stack_model *m, FILE *out)
{
	static const char *const names[] = { "time_ns", "pid", "stack_id", "live_bytes", "live_blocks", "rounding_bytes",
		"pinned_bytes", "pinned_pages", "dirty_bytes", "live_error_bytes", "pinned_error_bytes",
		"allocated_bytes", "allocations", "samples", "stack" };
	struct csv c;
	csv_init(&c, out);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		csv_text(&c, names[i]);
	int r = csv_end_line(&c);
	for (size_t i = 0; !r && i < m->entry_count; i++)
		r = write_row(m, &m->entries[i], &c);
	return r;
}
