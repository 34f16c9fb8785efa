/* SPDX-License-Identifier: MIT */
/*
 * The walks over figure, setting, reading and purge; see recording_allocator.h. A name that
 * this memwhy does not know (a newer writer's figure) is skipped, as an unknown table is.
 */
#include "recording_allocator.h"

#include "recording_private.h"

#include <string.h>

#define HEAP_MAX (WIRE_HEAPS - 1)
#define ARENA_MAX (1 << 20) /* more than any allocator makes */

struct walk {
	recording_figure_fn *figure;
	recording_setting_fn *setting;
	recording_reading_fn *reading;
	recording_purge_fn *purge;
	void *arg;
};

static int result_by_name(const char *name)
{
	for (int r = 0; r < WIRE_READING_RESULTS; r++)
		if (!strcmp(name, reading_result_name(r)))
			return r;
	return WIRE_READING_NONE;
}

static uint32_t read_heap_index(struct recording_row *row)
{
	return (uint32_t)recording_row_integer(row, 0, HEAP_MAX);
}

static int64_t read_known(struct recording_row *row, int64_t max)
{
	return recording_row_optional(row, 0, max, RECORDING_UNKNOWN, NULL);
}

static int read_figure(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_figure f = { .process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX) };
	f.time_ns = recording_row_time(row);
	f.heap = read_heap_index(row);
	f.arena = (int32_t)recording_row_integer(row, WIRE_ARENA_ALL, ARENA_MAX);
	f.figure = figure_by_name(recording_row_text(row));
	f.value = recording_row_integer(row, -VALUE_MAX, VALUE_MAX);
	return row->bad || f.figure < 0 ? 0 : w->figure(w->arg, &f);
}

static int read_setting(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_setting s = { .process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX) };
	s.heap = read_heap_index(row);
	s.name = recording_row_text(row);
	s.value = recording_row_text(row);
	return row->bad ? 0 : w->setting(w->arg, &s);
}

static int read_reading(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_reading x = { .process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX) };
	x.time_ns = recording_row_time(row);
	x.heap = read_heap_index(row);
	x.took_ns = read_known(row, VALUE_TIME_MAX);
	x.result = result_by_name(recording_row_text(row));
	x.not_safe = read_known(row, VALUE_TIME_MAX);
	return row->bad ? 0 : w->reading(w->arg, &x);
}

static int read_purge(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_purge p = { .process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX) };
	p.time_ns = recording_row_time(row);
	p.reason = recording_row_text(row);
	p.result = result_by_name(recording_row_text(row));
	p.heaps = recording_row_optional(row, 0, UINT32_MAX, 0, NULL);
	p.took_ns = read_known(row, VALUE_TIME_MAX);
	p.rss_before_bytes = read_known(row, VALUE_MAX);
	p.rss_after_bytes = read_known(row, VALUE_MAX);
	p.before_ns = read_known(row, VALUE_TIME_MAX);
	p.after_ns = read_known(row, VALUE_TIME_MAX);
	return row->bad ? 0 : w->purge(w->arg, &p);
}

static int note_count(struct recording *r, struct recording_row *row, void *arg)
{
	*(int64_t *)arg = recording_row_integer(row, 0, INT64_MAX);
	return 0;
}

/* count_sql: is the table there? A recording of an older memwhy has none of these. */
static int each_row(struct recording *r, const char *table, const char *count_sql, uint32_t process_id,
		    recording_row_fn *fn, struct walk *w, const char *sql)
{
	int64_t tables = 0;
	int result = recording_each_row(r, "sqlite_master", 0, note_count, &tables, count_sql);
	if (result || !tables)
		return result;
	return recording_each_row(r, table, process_id, fn, w, sql);
}

#define COUNT_SQL(table) "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" table "'"

int recording_each_figure(struct recording *r, uint32_t process_id, recording_figure_fn *fn, void *arg)
{
	return each_row(r, "figure", COUNT_SQL("figure"), process_id, read_figure,
			&(struct walk){ .figure = fn, .arg = arg },
			"SELECT process_id, time_ns, heap, arena, name, value FROM figure"
			" WHERE ?1 = 0 OR process_id = ?1 ORDER BY time_ns, heap, arena, rowid");
}

int recording_each_setting(struct recording *r, uint32_t process_id, recording_setting_fn *fn, void *arg)
{
	return each_row(r, "setting", COUNT_SQL("setting"), process_id, read_setting,
			&(struct walk){ .setting = fn, .arg = arg },
			"SELECT process_id, heap, name, value FROM setting"
			" WHERE ?1 = 0 OR process_id = ?1 ORDER BY process_id, heap, name");
}

int recording_each_reading(struct recording *r, uint32_t process_id, recording_reading_fn *fn, void *arg)
{
	return each_row(r, "reading", COUNT_SQL("reading"), process_id, read_reading,
			&(struct walk){ .reading = fn, .arg = arg },
			"SELECT process_id, time_ns, heap, took_ns, result, not_safe FROM reading"
			" WHERE ?1 = 0 OR process_id = ?1 ORDER BY time_ns, heap, rowid");
}

int recording_each_purge(struct recording *r, uint32_t process_id, recording_purge_fn *fn, void *arg)
{
	return each_row(r, "purge", COUNT_SQL("purge"), process_id, read_purge,
			&(struct walk){ .purge = fn, .arg = arg },
			"SELECT process_id, time_ns, reason, result, heaps, took_ns, rss_before_bytes,"
			" rss_after_bytes, before_ns, after_ns FROM purge"
			" WHERE ?1 = 0 OR process_id = ?1 ORDER BY time_ns, rowid");
}
