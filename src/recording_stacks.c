/* SPDX-License-Identifier: MIT */
/* The walks over a recording's call stacks, a row at a time; see recording_stacks.h. */
#include "recording_stacks.h"

#include "recording_private.h"

#include <stdio.h>

struct walk {
	union {
		recording_stack_module_fn *module;
		recording_frame_fn *frame;
		recording_stack_fn *stack;
		recording_stack_total_fn *total;
		recording_stack_figure_fn *figure;
		recording_symbol_fn *symbol;
	};
	void *arg;
};

static uint32_t read_id(struct recording_row *row)
{
	return (uint32_t)recording_row_integer(row, 0, UINT32_MAX);
}

static const char *read_text_or_null(struct recording_row *row)
{
	const char *text = recording_row_text(row);
	return *text ? text : NULL;
}

static int read_module(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_stack_module m = { .id = read_id(row) };
	m.path = recording_row_text(row);
	m.build_id = recording_row_text(row);
	m.low = recording_row_optional(row, INT64_MIN, INT64_MAX, 0, NULL);
	m.high = recording_row_optional(row, INT64_MIN, INT64_MAX, 0, NULL);
	m.bias = recording_row_optional(row, INT64_MIN, INT64_MAX, 0, NULL);
	return row->bad ? 0 : w->module(w->arg, &m);
}

static int read_frame(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_frame f = { .id = read_id(row) };
	f.module_id = (uint32_t)recording_row_optional(row, 0, UINT32_MAX, 0, NULL);
	f.address = recording_row_address(row);
	return row->bad ? 0 : w->frame(w->arg, &f);
}

static int read_stack(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_stack s = { .id = read_id(row) };
	s.parent = read_id(row);
	s.frame_id = read_id(row);
	s.flags = read_id(row);
	return row->bad ? 0 : w->stack(w->arg, &s);
}

static int read_total(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_stack_total t = { .stack_id = read_id(row) };
	t.allocated_bytes = recording_row_integer(row, 0, VALUE_MAX);
	t.allocations = recording_row_integer(row, 0, VALUE_MAX);
	t.samples = recording_row_integer(row, 0, VALUE_MAX);
	return row->bad ? 0 : w->total(w->arg, &t);
}

static int read_figure(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_stack_figure f = { .snapshot_id = recording_row_integer(row, 0, INT64_MAX) };
	f.stack_id = read_id(row);
	f.live_bytes = recording_row_integer(row, -VALUE_MAX, VALUE_MAX);
	f.live_blocks = recording_row_integer(row, 0, VALUE_MAX);
	f.rounding_bytes = recording_row_integer(row, -VALUE_MAX, VALUE_MAX);
	f.pinned_bytes = recording_row_integer(row, -VALUE_MAX, VALUE_MAX);
	f.pinned_pages = recording_row_integer(row, 0, VALUE_MAX);
	f.dirty_bytes = recording_row_integer(row, -VALUE_MAX, VALUE_MAX);
	f.live_error_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	f.pinned_error_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	return row->bad ? 0 : w->figure(w->arg, &f);
}

static int read_symbol(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_symbol s = { .frame_id = read_id(row) };
	s.depth = read_id(row);
	s.function = read_text_or_null(row);
	s.file = read_text_or_null(row);
	s.line = recording_row_optional(row, 0, INT32_MAX, 0, NULL);
	s.source = recording_row_text(row);
	return row->bad ? 0 : w->symbol(w->arg, &s);
}

static int note_table(struct recording *r, struct recording_row *row, void *arg)
{
	*(bool *)arg = recording_row_integer(row, 0, INT64_MAX) != 0;
	return 0;
}

/* Recordings of before have no such tables. */
static int walk_table(struct recording *r, enum store_table table, int64_t parameter, recording_row_fn *read,
		      struct walk *w, const char *sql)
{
	char find[128];
	bool has_table = false;
	const char *name = store_table_infos[table].name;
	snprintf(find, sizeof find, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '%s'", name);
	int result = recording_each_row(r, "sqlite_master", 0, note_table, &has_table, find);
	if (result || !has_table)
		return result;
	return recording_each_row(r, name, parameter, read, w, sql);
}

int recording_each_stack_module(struct recording *r, uint32_t process_id, recording_stack_module_fn *fn, void *arg)
{
	struct walk w = { .module = fn, .arg = arg };
	return walk_table(r, TABLE_MODULE, process_id, read_module, &w,
			"SELECT id, path, build_id, low, high, bias FROM module WHERE process_id = ?1 ORDER BY id");
}

int recording_each_frame(struct recording *r, uint32_t process_id, recording_frame_fn *fn, void *arg)
{
	struct walk w = { .frame = fn, .arg = arg };
	return walk_table(r, TABLE_FRAME, process_id, read_frame, &w,
			"SELECT id, module_id, address FROM frame WHERE process_id = ?1 ORDER BY id");
}

int recording_each_stack(struct recording *r, uint32_t process_id, recording_stack_fn *fn, void *arg)
{
	struct walk w = { .stack = fn, .arg = arg };
	return walk_table(r, TABLE_STACK, process_id, read_stack, &w,
			"SELECT id, parent, frame_id, flags FROM stack WHERE process_id = ?1 ORDER BY id");
}

int recording_each_stack_total(struct recording *r, uint32_t process_id, recording_stack_total_fn *fn, void *arg)
{
	struct walk w = { .total = fn, .arg = arg };
	return walk_table(r, TABLE_STACK_TOTAL, process_id, read_total, &w,
			"SELECT stack_id, allocated_bytes, allocations, samples FROM stack_total"
			" WHERE process_id = ?1 ORDER BY stack_id");
}

int recording_each_stack_figure(struct recording *r, int64_t snapshot_id, recording_stack_figure_fn *fn, void *arg)
{
	struct walk w = { .figure = fn, .arg = arg };
	return walk_table(r, TABLE_STACK_FIGURE, snapshot_id, read_figure, &w,
			"SELECT snapshot_id, stack_id, live_bytes, live_blocks, rounding_bytes, pinned_bytes,"
			" pinned_pages, dirty_bytes, live_error_bytes, pinned_error_bytes FROM stack_figure"
			" WHERE snapshot_id = ?1 ORDER BY stack_id");
}

int recording_each_symbol(struct recording *r, uint32_t process_id, recording_symbol_fn *fn, void *arg)
{
	struct walk w = { .symbol = fn, .arg = arg };
	return walk_table(r, TABLE_SYMBOL, process_id, read_symbol, &w,
			"SELECT frame_id, depth, function, file, line, source FROM symbol"
			" WHERE process_id = ?1 ORDER BY frame_id, depth");
}
