/* SPDX-License-Identifier: MIT */
/* The walks over a recording's large tables, a row at a time; see recording.h. */
#include "recording_private.h"

#include <stdio.h>
#include <string.h>

static void read_ledger(struct recording_row *row, struct ledger *ret_ledger)
{
	for (int t = 0; t < LEDGER_TERMS; t++) {
		bool had = true;
		ret_ledger->bytes[t] = recording_row_optional(row, -VALUE_MAX, VALUE_MAX, 0, &had);
		if (!had)
			ledger_set_absent(ret_ledger, t);
	}
}

struct walk {
	recording_snapshot_fn *snapshot;
	recording_sample_fn *sample;
	recording_mapping_fn *mapping;
	recording_unknown_fn *unknown;
	recording_event_fn *event;
	void *arg;
};

static enum snapshot_trigger trigger_by_name(const char *name)
{
	for (int t = 0; t < TRIGGERS; t++)
		if (!strcmp(name, snapshot_trigger_name(t)))
			return t;
	return TRIGGER_TIMER; /* some trigger; the figures hold all the same */
}

static enum snapshot_hold hold_by_name(const char *name)
{
	for (int h = 0; h < HOLDS; h++)
		if (!strcmp(name, snapshot_hold_name(h)))
			return h;
	return HOLD_RUNNING;
}

static enum page_source pages_by_name(const char *name)
{
	for (int p = 0; p < PAGE_SOURCES; p++)
		if (!strcmp(name, page_source_name(p)))
			return p;
	return PAGES_NONE;
}

static int read_snapshot(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_snapshot s = { 0 };
	s.id = recording_row_integer(row, 0, INT64_MAX);
	s.process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX);
	s.s.time_ns = (uint64_t)recording_row_time(row);
	s.s.duration_ns = (uint64_t)recording_row_time(row);
	s.s.trigger = trigger_by_name(recording_row_text(row));
	s.s.hold = hold_by_name(recording_row_text(row));
	s.s.pages = pages_by_name(recording_row_text(row));
	s.s.vm_hwm_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	read_ledger(row, &s.s.ledger);
	s.has_counters = recording_row_counters(row, &s.s.counters);
	return row->bad ? 0 : w->snapshot(w->arg, &s);
}

static int read_sample(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_sample s = { 0 };
	s.process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX);
	s.s.time_ns = (uint64_t)recording_row_time(row);
	s.s.rss_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	s.has_counters = recording_row_counters(row, &s.s.counters);
	return row->bad ? 0 : w->sample(w->arg, &s);
}

static int read_mapping(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_mapping m = { 0 };
	m.snapshot_id = recording_row_integer(row, 0, INT64_MAX);
	m.process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX);
	m.time_ns = recording_row_time(row);
	m.trigger = trigger_by_name(recording_row_text(row));
	m.m.start = recording_row_address(row);
	m.m.end = recording_row_address(row);
	snprintf(m.m.perms, sizeof m.m.perms, "%s", recording_row_text(row));
	snprintf(m.m.kind, sizeof m.m.kind, "%s", recording_row_text(row));
	m.m.name = (char *)recording_row_text(row);
	m.m.resident_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	m.m.live_bytes = recording_row_optional(row, -VALUE_MAX, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	m.m.dirty_bytes = recording_row_optional(row, -VALUE_MAX, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	return row->bad ? 0 : w->mapping(w->arg, &m);
}

#define TERM(name, kind, label, ret, meaning) ", " #name "_bytes"
#define COUNTER(field, min, max) ", " #field
int recording_each_snapshot(struct recording *r, uint32_t process_id, recording_snapshot_fn *fn, void *arg)
{
	struct walk w = { .snapshot = fn, .arg = arg };
	return recording_each_row(r, "snapshot", process_id, read_snapshot, &w,
			"SELECT id, process_id, time_ns, duration_ns, trigger, hold, pages, vm_hwm_bytes"
#include "ledger_terms.def"
#include "counters.def"
			" FROM snapshot WHERE ?1 = 0 OR process_id = ?1 ORDER BY time_ns, id");
}

int recording_each_sample(struct recording *r, uint32_t process_id, recording_sample_fn *fn, void *arg)
{
	struct walk w = { .sample = fn, .arg = arg };
	return recording_each_row(r, "sample", process_id, read_sample, &w, "SELECT process_id, time_ns, rss_bytes"
#include "counters.def"
			" FROM sample WHERE ?1 = 0 OR process_id = ?1 ORDER BY time_ns, id");
}
#undef TERM
#undef COUNTER

int recording_each_mapping(struct recording *r, uint32_t process_id, recording_mapping_fn *fn, void *arg)
{
	struct walk w = { .mapping = fn, .arg = arg };
	return recording_each_row(r, "mapping", process_id, read_mapping, &w,
			"SELECT s.id, s.process_id, s.time_ns, s.trigger, m.start, m.end, m.perms, m.kind, m.name,"
			" m.resident_bytes, m.live_bytes, m.dirty_bytes FROM mapping m JOIN snapshot s"
			" ON s.id = m.snapshot_id WHERE ?1 = 0 OR s.process_id = ?1"
			" ORDER BY s.time_ns, s.id, m.start");
}

static int read_event(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_event e = { .process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX) };
	e.time_ns = recording_row_integer(row, 0, VALUE_TIME_MAX);
	e.kind = recording_row_text(row);
	e.address = recording_row_address(row);
	e.length = recording_row_address(row);
	e.arg = recording_row_address(row);
	e.text = recording_row_text(row);
	return row->bad ? 0 : w->event(w->arg, &e);
}

int recording_each_event(struct recording *r, uint32_t process_id, recording_event_fn *fn, void *arg)
{
	struct walk w = { .event = fn, .arg = arg };
	return recording_each_row(r, "event", process_id, read_event, &w,
			"SELECT process_id, time_ns, kind, address, length, arg, text FROM event"
			" WHERE ?1 = 0 OR process_id = ?1 ORDER BY time_ns, id");
}

/* Recordings of before have no such table. */
static int note_table(struct recording *r, struct recording_row *row, void *arg)
{
	*(bool *)arg = recording_row_integer(row, 0, INT64_MAX) != 0;
	return 0;
}

static int read_unknown(struct recording *r, struct recording_row *row, void *arg)
{
	const struct walk *w = arg;
	struct recording_unknown u = { .process_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX) };
	u.module = recording_row_text(row);
	u.offset = recording_row_integer(row, INT64_MIN, INT64_MAX);
	u.kind = recording_row_text(row);
	u.count = recording_row_integer(row, 0, INT64_MAX);
	return row->bad ? 0 : w->unknown(w->arg, &u);
}

int recording_each_unknown(struct recording *r, uint32_t process_id, recording_unknown_fn *fn, void *arg)
{
	struct walk w = { .unknown = fn, .arg = arg };
	bool has_table = false;
	int result = recording_each_row(r, "sqlite_master", 0, note_table, &has_table,
			"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'unknown'");
	if (result || !has_table)
		return result;
	return recording_each_row(r, "unknown", process_id, read_unknown, &w,
			"SELECT process_id, module, offset, kind, count FROM unknown"
			" WHERE ?1 = 0 OR process_id = ?1 ORDER BY count DESC, module, offset");
}
