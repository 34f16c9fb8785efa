/* SPDX-License-Identifier: MIT */
/*
 * CSV tables whose rows are those of the recording: events and marks, what the allocators
 * said of themselves, what purges gave back. An arena field is empty for a whole heap.
 */
#include "export/csv_private.h"
#include "recording_allocator.h"

struct rows { struct recording *recording; struct csv *csv; };

static void write_known(struct csv *c, int64_t value)
{
	csv_integer_or_empty(c, value, value != RECORDING_UNKNOWN);
}

static int write_event(void *arg, const struct recording_event *e)
{
	struct rows *w = arg;
	csv_integer(w->csv, e->time_ns);
	csv_write_pid(w->csv, w->recording, e->process_id);
	csv_text(w->csv, e->kind);
	csv_hex(w->csv, e->address);
	csv_unsigned(w->csv, e->length);
	csv_unsigned(w->csv, e->arg);
	csv_text(w->csv, e->text);
	return csv_end_line(w->csv);
}

static int write_figure(void *arg, const struct recording_figure *f)
{
	static const char *const units[] = { [FIGURE_BYTES] = "bytes", [FIGURE_COUNT] = "count", [FIGURE_MS] = "ms" };
	struct rows *w = arg;
	csv_integer(w->csv, f->time_ns);
	csv_write_pid(w->csv, w->recording, f->process_id);
	csv_unsigned(w->csv, f->heap);
	csv_integer_or_empty(w->csv, f->arena, f->arena != WIRE_ARENA_ALL);
	csv_text(w->csv, figure_infos[f->figure].name);
	csv_text(w->csv, units[figure_infos[f->figure].unit]);
	csv_integer(w->csv, f->value);
	return csv_end_line(w->csv);
}

static int write_setting(void *arg, const struct recording_setting *s)
{
	struct rows *w = arg;
	csv_write_pid(w->csv, w->recording, s->process_id);
	csv_unsigned(w->csv, s->heap);
	csv_text(w->csv, s->name);
	csv_text(w->csv, s->value);
	return csv_end_line(w->csv);
}

static int write_reading(void *arg, const struct recording_reading *x)
{
	struct rows *w = arg;
	csv_integer(w->csv, x->time_ns);
	csv_write_pid(w->csv, w->recording, x->process_id);
	csv_unsigned(w->csv, x->heap);
	write_known(w->csv, x->took_ns);
	csv_text(w->csv, reading_result_name((enum wire_reading_result)x->result));
	write_known(w->csv, x->not_safe);
	return csv_end_line(w->csv);
}

static int write_purge(void *arg, const struct recording_purge *p)
{
	struct rows *w = arg;
	csv_integer(w->csv, p->time_ns);
	csv_write_pid(w->csv, w->recording, p->process_id);
	csv_text(w->csv, p->reason);
	csv_text(w->csv, reading_result_name((enum wire_reading_result)p->result));
	write_known(w->csv, p->heaps);
	write_known(w->csv, p->took_ns);
	write_known(w->csv, p->rss_before_bytes);
	write_known(w->csv, p->rss_after_bytes);
	write_known(w->csv, p->before_ns);
	write_known(w->csv, p->after_ns);
	return csv_end_line(w->csv);
}

int csv_write_events(struct recording *r, struct csv *c)
{
	static const char *const names[] = { "time_ns", "pid", "kind", "address", "length", "arg", "text", NULL };
	struct rows w = { r, c };
	int result = csv_write_header(c, names);
	return result ? result : recording_each_event(r, 0, write_event, &w);
}

int csv_write_figures(struct recording *r, struct csv *c)
{
	static const char *const names[] = { "time_ns", "pid", "heap", "arena", "figure", "unit", "value", NULL };
	struct rows w = { r, c };
	int result = csv_write_header(c, names);
	return result ? result : recording_each_figure(r, 0, write_figure, &w);
}

int csv_write_settings(struct recording *r, struct csv *c)
{
	static const char *const names[] = { "pid", "heap", "setting", "value", NULL };
	struct rows w = { r, c };
	int result = csv_write_header(c, names);
	return result ? result : recording_each_setting(r, 0, write_setting, &w);
}

int csv_write_readings(struct recording *r, struct csv *c)
{
	static const char *const names[] = { "time_ns", "pid", "heap", "took_ns", "result", "not_safe", NULL };
	struct rows w = { r, c };
	int result = csv_write_header(c, names);
	return result ? result : recording_each_reading(r, 0, write_reading, &w);
}

int csv_write_purges(struct recording *r, struct csv *c)
{
	static const char *const names[] = {
		"time_ns", "pid", "reason", "result", "heaps", "took_ns", "rss_before_bytes", "rss_after_bytes",
		"before_ns", "after_ns", NULL
	};
	struct rows w = { r, c };
	int result = csv_write_header(c, names);
	return result ? result : recording_each_purge(r, 0, write_purge, &w);
}
