/* SPDX-License-Identifier: MIT */
/*
 * CSV: the ledger's terms are columns in the order of ledger_terms.def, the counters
 * come last. A snapshot is a row with every term, a sample one with what a sample knows.
 */
#include "export/export.h"

#include "export/csv_private.h"
#include "recording.h"
#include "util/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sheet {
	struct csv csv;
	struct recording *recording;
	/* samples and snapshots are merged by time: the snapshots are few, they wait here */
	struct recording_snapshot *snapshots;
	size_t snapshot_count, snapshot_slots, next;
	bool details; /* of the snapshots: the "ledger" table */
};

/* ---- header lines ------------------------------------------------------------------- */

int csv_write_header(struct csv *c, const char *const *names)
{
	for (; *names; names++)
		csv_text(c, *names);
	return csv_end_line(c);
}

static int write_ledger_header(struct sheet *s)
{
	struct csv *c = &s->csv;
	csv_text(c, "time_ns");
	csv_text(c, "pid");
	csv_text(c, "trigger");
	if (s->details) {
		csv_text(c, "hold");
		csv_text(c, "pages");
		csv_text(c, "duration_ns");
	}
#define TERM(name, kind, label, ret, meaning) csv_text(c, #name "_bytes");
#include "ledger_terms.def"
#undef TERM
	csv_text(c, "allocations");
	csv_text(c, "frees");
	csv_text(c, "unknown_frees");
	csv_text(c, "unknown_reallocs");
	csv_text(c, "double_allocations");
	return csv_end_line(c);
}

/* ---- rows ---------------------------------------------------------------------------- */

void csv_write_pid(struct csv *c, const struct recording *r, uint32_t process_id)
{
	const struct recording_process *p = recording_process_by_id(r, process_id);
	csv_integer_or_empty(c, p ? p->pid : 0, p != NULL);
}

static void write_pid(struct sheet *s, uint32_t process_id)
{
	csv_write_pid(&s->csv, s->recording, process_id);
}

static void write_counters(struct csv *c, const struct counters *n, bool had)
{
	csv_integer_or_empty(c, (int64_t)n->allocations, had);
	csv_integer_or_empty(c, (int64_t)n->frees, had);
	csv_integer_or_empty(c, (int64_t)n->unknown_frees, had);
	csv_integer_or_empty(c, (int64_t)n->unknown_reallocs, had);
	csv_integer_or_empty(c, (int64_t)n->double_allocations, had);
}

static int write_snapshot(void *arg, const struct recording_snapshot *snapshot)
{
	struct sheet *s = arg;
	struct csv *c = &s->csv;
	const struct snapshot *n = &snapshot->s;
	csv_unsigned(c, n->time_ns);
	write_pid(s, snapshot->process_id);
	csv_text(c, snapshot_trigger_name(n->trigger));
	if (s->details) {
		csv_text(c, snapshot_hold_name(n->hold));
		csv_text(c, page_source_name(n->pages));
		csv_unsigned(c, n->duration_ns);
	}
	for (int t = 0; t < LEDGER_TERMS; t++)
		csv_integer_or_empty(c, n->ledger.bytes[t], ledger_has(&n->ledger, t));
	write_counters(c, &n->counters, snapshot->has_counters);
	return csv_end_line(c);
}

static int write_sample_row(struct sheet *s, const struct recording_sample *sample)
{
	struct csv *c = &s->csv;
	const struct sample *n = &sample->s;
	csv_unsigned(c, n->time_ns);
	write_pid(s, sample->process_id);
	csv_text(c, "sample");
	for (int t = 0; t < LEDGER_TERMS; t++)
		if (t == LEDGER_T_rss)
			csv_integer_or_empty(c, n->rss_bytes, n->rss_bytes >= 0);
		else if (t == LEDGER_T_live_requested)
			csv_integer_or_empty(c, n->counters.live_bytes, sample->has_counters);
		else
			csv_empty(c);
	write_counters(c, &n->counters, sample->has_counters);
	return csv_end_line(c);
}

/* ---- tables -------------------------------------------------------------------------- */

static int keep_snapshot(void *arg, const struct recording_snapshot *snapshot)
{
	struct sheet *s = arg;
	if (s->snapshot_count == s->snapshot_slots) {
		size_t slots = s->snapshot_slots ? 2 * s->snapshot_slots : 64;
		void *more = reallocarray(s->snapshots, slots, sizeof *s->snapshots);
		if (!more)
			return -ENOMEM;
		s->snapshots = more;
		s->snapshot_slots = slots;
	}
	s->snapshots[s->snapshot_count++] = *snapshot;
	return 0;
}

static int write_snapshots_until(struct sheet *s, uint64_t time_ns)
{
	int r = 0;
	while (!r && s->next < s->snapshot_count && s->snapshots[s->next].s.time_ns <= time_ns)
		r = write_snapshot(s, &s->snapshots[s->next++]);
	return r;
}

static int write_sample(void *arg, const struct recording_sample *sample)
{
	int r = write_snapshots_until(arg, sample->s.time_ns);
	return r ? r : write_sample_row(arg, sample);
}

static int write_samples(struct sheet *s)
{
	int r = recording_each_snapshot(s->recording, 0, keep_snapshot, s);
	if (!r)
		r = write_ledger_header(s);
	if (!r)
		r = recording_each_sample(s->recording, 0, write_sample, s);
	return r ? r : write_snapshots_until(s, UINT64_MAX);
}

static int write_ledgers(struct sheet *s)
{
	s->details = true;
	int r = write_ledger_header(s);
	return r ? r : recording_each_snapshot(s->recording, 0, write_snapshot, s);
}

static void write_known(struct csv *c, int64_t value)
{
	csv_integer_or_empty(c, value, value >= 0);
}

static int write_process(struct sheet *s, const struct recording_process *p)
{
	struct csv *c = &s->csv;
	bool status = p->how == STORE_END_EXIT || p->how == STORE_END_SIGNAL;
	csv_unsigned(c, p->id);
	csv_unsigned(c, p->parent_id);
	csv_integer(c, p->pid);
	csv_integer(c, p->start_ns);
	write_known(c, p->end_ns);
	csv_text(c, recording_end_name(p->how));
	csv_integer_or_empty(c, p->status, status);
	csv_text(c, p->command);
	csv_text(c, p->exe);
	csv_text(c, p->probe_state);
	csv_text(c, p->heap_count ? p->heaps[0].name : "");
	csv_text(c, p->heap_count ? p->heaps[0].version : "");
	write_known(c, p->rss_peak_bytes);
	write_known(c, p->net_peak_bytes);
	write_known(c, p->vm_hwm_bytes);
	write_known(c, p->ru_maxrss_bytes);
	csv_integer_or_empty(c, p->counters.live_peak_bytes, p->has_counters);
	write_known(c, p->user_ns);
	write_known(c, p->system_ns);
	write_known(c, p->minor_faults);
	write_known(c, p->major_faults);
	write_counters(c, &p->counters, p->has_counters);
	return csv_end_line(c);
}

static int write_processes(struct sheet *s)
{
	static const char *const names[] = {
		"id", "parent_id", "pid", "start_ns", "end_ns", "end", "status", "command", "exe", "probe_state",
		"allocator", "allocator_version", "rss_peak_bytes", "net_peak_bytes", "vm_hwm_bytes",
		"ru_maxrss_bytes", "live_peak_bytes", "user_ns", "system_ns", "minor_faults", "major_faults",
		"allocations", "frees", "unknown_frees", "unknown_reallocs", "double_allocations", NULL
	};
	int r = csv_write_header(&s->csv, names);
	for (size_t i = 0; !r && i < recording_process_count(s->recording); i++)
		r = write_process(s, recording_process(s->recording, i));
	return r;
}

static int write_mapping(void *arg, const struct recording_mapping *m)
{
	struct sheet *s = arg;
	struct csv *c = &s->csv;
	csv_integer(c, m->time_ns);
	write_pid(s, m->process_id);
	csv_text(c, snapshot_trigger_name(m->trigger));
	csv_hex(c, m->m.start);
	csv_hex(c, m->m.end);
	csv_text(c, m->m.perms);
	csv_text(c, m->m.kind);
	csv_text(c, m->m.name);
	write_known(c, m->m.resident_bytes);
	write_known(c, m->m.live_bytes);
	write_known(c, m->m.dirty_bytes);
	return csv_end_line(c);
}

static int write_mappings(struct sheet *s)
{
	static const char *const names[] = {
		"time_ns", "pid", "trigger", "start", "end", "perms", "kind", "name", "resident_bytes",
		"live_bytes", "dirty_bytes", NULL
	};
	int r = csv_write_header(&s->csv, names);
	return r ? r : recording_each_mapping(s->recording, 0, write_mapping, s);
}

static const struct {
	const char *name;
	int (*write)(struct sheet *s);
	csv_table_fn *plain; /* or a walk of its own file */
} tables[] = {
	{ "samples", write_samples, NULL },
	{ "ledger", write_ledgers, NULL },
	{ "processes", write_processes, NULL },
	{ "mappings", write_mappings, NULL },
	{ "events", NULL, csv_write_events },
	{ "figures", NULL, csv_write_figures },
	{ "settings", NULL, csv_write_settings },
	{ "readings", NULL, csv_write_readings },
	{ "purges", NULL, csv_write_purges },
	{ "reconciliation", NULL, csv_write_reconciliation },
};

static int write_table(struct recording *r, const struct export_options *options, FILE *out)
{
	struct sheet s = { .recording = r };
	const char *name = options->table ? options->table : tables[0].name;
	int result = -EINVAL;
	if (!strcmp(name, "stacks"))
		return export_with_stacks(r, options, export_csv_stacks, out);
	csv_init(&s.csv, out);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (!strcmp(name, tables[i].name))
			result = tables[i].write ? tables[i].write(&s) : tables[i].plain(r, &s.csv);
	free(s.snapshots);
	errno = 0;
	if (!result && fflush(out))
		result = errno ? -errno : -EIO;
	return result;
}

static const char *const table_names[] = {
	"samples", "ledger", "processes", "mappings", "events", "figures", "settings", "readings", "purges", "reconciliation",
	"stacks", NULL
};
const struct export_format export_csv = {
	.name = "csv", .summary = "comma-separated values (RFC 4180)", .tables = table_names, .write = write_table,
};
