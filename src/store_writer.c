/* SPDX-License-Identifier: MIT */
/*
 * Items in, rows out; see store_writer.h. Each kind of item has a function that binds
 * its columns in the order of the statement's text (struct row counts them).
 */
#include "store_writer.h"
#include "store_schema.h"
#include "store_statements.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct row {
	sqlite3_stmt *statement;
	int column; /* the last one bound */
};

static struct row row_of(struct store_writer *w, int statement)
{
	return (struct row){ w->statements[statement], 0 };
}

static void bind_integer(struct row *r, int64_t value)
{
	sqlite3_bind_int64(r->statement, ++r->column, value);
}

static void bind_or_null(struct row *r, int64_t value, bool had)
{
	if (had)
		bind_integer(r, value);
	else
		sqlite3_bind_null(r->statement, ++r->column);
}

/* -1 says "unknown" in the structs of store.h. */
static void bind_known(struct row *r, int64_t value)
{
	bind_or_null(r, value, value >= 0);
}

static void bind_text(struct row *r, const char *text)
{
	sqlite3_bind_text(r->statement, ++r->column, text, -1, SQLITE_STATIC);
}

static void bind_bounded_text(struct row *r, const char *text, size_t size)
{
	sqlite3_bind_text(r->statement, ++r->column, text, (int)strnlen(text, size), SQLITE_STATIC);
}

static int run_row(struct row *r)
{
	int result = sqlite3_step(r->statement);
	int reset = sqlite3_reset(r->statement);
	return result == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : SQLITE_ERROR;
}

static int64_t relative(struct store_writer *w, uint64_t time_ns)
{
	int64_t t = time_ns > w->start_ns ? (int64_t)(time_ns - w->start_ns) : 0;
	if ((uint64_t)t > w->last_ns)
		w->last_ns = (uint64_t)t;
	return t;
}

static void bind_counters(struct store_writer *w, struct row *r, const struct counters *from, bool had)
{
	struct counters c = *from;
	c.live_peak_ns = c.live_peak_ns ? (uint64_t)relative(w, c.live_peak_ns) : 0;
#define COUNTER(field, min, max) bind_or_null(r, (int64_t)c.field, had);
#include "counters.def"
#undef COUNTER
}

static void bind_ledger(struct row *r, const struct ledger *l)
{
	for (int t = 0; t < LEDGER_TERMS; t++)
		bind_or_null(r, l->bytes[t], ledger_has(l, t));
}

static int write_run(struct store_writer *w, const struct store_item *i)
{
	struct row r = row_of(w, WRITE_RUN);
	w->start_ns = i->u.run.start_ns;
	bind_text(&r, i->u.run.command);
	bind_text(&r, i->u.run.argv);
	bind_text(&r, i->u.run.cwd);
	bind_text(&r, i->u.run.options);
	bind_integer(&r, i->u.run.start_realtime_ns);
	return run_row(&r);
}

/* How its entry points are known. */
static const char *found_text(const struct wire_heap *h)
{
	if (h->state == WIRE_HEAP_NOT_PATCHED)
		return "not followed";
	if (h->state != WIRE_HEAP_FOLLOWED)
		return "preload";
	return h->found == WIRE_FOUND_SYMBOL ? "symbols" : "behaviour";
}

static int write_heaps(struct store_writer *w, uint32_t process_id, const struct wire_heap *heaps)
{
	int result = SQLITE_OK;
	for (int slot = 0; slot < WIRE_HEAPS && result == SQLITE_OK; slot++) {
		const struct wire_heap *h = &heaps[slot];
		if (!h->name[0])
			continue;
		struct row r = row_of(w, WRITE_HEAP);
		bind_integer(&r, process_id);
		bind_integer(&r, slot);
		bind_bounded_text(&r, h->name, sizeof h->name);
		bind_bounded_text(&r, h->version, sizeof h->version);
		bind_bounded_text(&r, h->path, sizeof h->path);
		bind_integer(&r, (int64_t)h->low);
		bind_integer(&r, (int64_t)h->high);
		bind_text(&r, found_text(h));
		result = run_row(&r);
	}
	return result;
}

static int write_process(struct store_writer *w, const struct store_item *i)
{
	const struct store_process *p = i->u.process;
	struct row r = row_of(w, WRITE_PROCESS);
	bind_integer(&r, p->id);
	bind_integer(&r, p->parent_id);
	bind_integer(&r, p->pid);
	bind_integer(&r, relative(w, p->start_ns));
	bind_text(&r, p->command);
	bind_text(&r, p->exe);
	bind_text(&r, p->probe_state);
	int result = run_row(&r);
	return result == SQLITE_OK ? write_heaps(w, p->id, p->heaps) : result;
}

/* Without a probe the counters are no zeros: they could not be had. */
static bool is_counted(struct store_writer *w, uint32_t process_id)
{
	sqlite3_stmt *st = w->statements[READ_PROBE_ON];
	sqlite3_bind_int64(st, 1, process_id);
	bool on = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_reset(st);
	return on;
}

static int write_sample(struct store_writer *w, const struct store_item *i)
{
	const struct sample *s = &i->u.sample;
	struct row r = row_of(w, WRITE_SAMPLE);
	bind_integer(&r, i->process_id);
	bind_integer(&r, relative(w, s->time_ns));
	bind_known(&r, s->rss_bytes);
	bind_counters(w, &r, &s->counters, is_counted(w, i->process_id));
	int result = run_row(&r);
	return result == SQLITE_OK ? store_bound_sample(&w->bound, i->process_id) : result;
}

static int write_mappings(struct store_writer *w, int64_t snapshot_id, const struct snapshot *s)
{
	int result = SQLITE_OK;
	for (size_t i = 0; i < s->mapping_count && result == SQLITE_OK; i++) {
		const struct snapshot_mapping *m = &s->mappings[i];
		struct row r = row_of(w, WRITE_MAPPING);
		bind_integer(&r, snapshot_id);
		bind_integer(&r, (int64_t)m->start);
		bind_integer(&r, (int64_t)m->end);
		bind_bounded_text(&r, m->perms, sizeof m->perms);
		bind_bounded_text(&r, m->kind, sizeof m->kind);
		bind_text(&r, m->name ? m->name : "");
		bind_known(&r, m->resident_bytes);
		bind_known(&r, m->live_bytes);
		bind_known(&r, m->dirty_bytes);
		result = run_row(&r);
	}
	return result;
}

static int write_snapshot(struct store_writer *w, const struct store_item *i)
{
	const struct snapshot *s = i->u.snapshot;
	struct row r = row_of(w, WRITE_SNAPSHOT);
	bind_integer(&r, i->process_id);
	bind_integer(&r, relative(w, s->time_ns));
	bind_integer(&r, (int64_t)s->duration_ns);
	bind_text(&r, snapshot_trigger_name(s->trigger));
	bind_text(&r, snapshot_hold_name(s->hold));
	bind_text(&r, page_source_name(s->pages));
	bind_known(&r, s->vm_hwm_bytes);
	bind_ledger(&r, &s->ledger);
	bind_counters(w, &r, &s->counters, is_counted(w, i->process_id));
	int result = run_row(&r);
	if (result != SQLITE_OK)
		return result;
	int64_t id = sqlite3_last_insert_rowid(w->db);
	result = write_mappings(w, id, s);
	return result == SQLITE_OK ? store_bound_snapshot(&w->bound, i->process_id, id, s) : result;
}

static int write_event(struct store_writer *w, const struct store_item *i)
{
	struct row r = row_of(w, WRITE_EVENT);
	bind_integer(&r, i->process_id);
	bind_integer(&r, relative(w, i->u.event.time_ns));
	bind_text(&r, i->u.event.kind);
	bind_integer(&r, (int64_t)i->u.event.address);
	bind_integer(&r, (int64_t)i->u.event.length);
	bind_integer(&r, (int64_t)i->u.event.arg);
	bind_text(&r, i->u.event.text);
	int result = run_row(&r);
	return result == SQLITE_OK ? store_bound_event(&w->bound) : result;
}

static int write_unknown(struct store_writer *w, const struct store_item *i)
{
	struct row r = row_of(w, WRITE_UNKNOWN);
	bind_integer(&r, i->process_id);
	bind_text(&r, i->u.unknown.module);
	bind_integer(&r, (int64_t)i->u.unknown.offset);
	bind_text(&r, i->u.unknown.kind);
	bind_integer(&r, (int64_t)i->u.unknown.count);
	return run_row(&r);
}

/* Thousands of rows in turn are of the same one. */
struct snapshot_known { uint64_t time_ns; int64_t id; };

static int64_t snapshot_at(struct store_writer *w, uint32_t process_id, uint64_t time_ns, struct snapshot_known *known)
{
	sqlite3_stmt *st = w->statements[READ_SNAPSHOT_ID];
	if (time_ns == known->time_ns)
		return known->id;
	sqlite3_bind_int64(st, 1, process_id);
	sqlite3_bind_int64(st, 2, relative(w, time_ns));
	*known = (struct snapshot_known){ time_ns, sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1 };
	sqlite3_reset(st);
	return known->id;
}

/* False: of a snapshot that is not there. */
static bool bind_cell(struct store_writer *w, uint32_t process_id, struct row *r, const struct store_cell *c,
		      struct snapshot_known *known)
{
	int64_t id;
	switch (c->kind) {
	case CELL_INTEGER: bind_integer(r, c->integer); return true;
	case CELL_TIME: bind_integer(r, relative(w, (uint64_t)c->integer)); return true;
	case CELL_TEXT: sqlite3_bind_text(r->statement, ++r->column, c->bytes ? c->bytes : "", (int)c->size, SQLITE_STATIC); return true;
	case CELL_BLOB: sqlite3_bind_blob(r->statement, ++r->column, c->bytes, (int)c->size, SQLITE_STATIC); return true;
	case CELL_SNAPSHOT:
		id = snapshot_at(w, process_id, (uint64_t)c->integer, known);
		bind_integer(r, id);
		return id >= 0;
	default: sqlite3_bind_null(r->statement, ++r->column); return true;
	}
}

static int prepare_plain(struct store_writer *w, enum store_table table)
{
	int which = STORE_STATEMENTS_PLAIN + (int)table;
	int result = w->statements[which] ? SQLITE_OK : store_schema_add(w->db, table);
	if (result == SQLITE_OK && !w->statements[which])
		result = store_statement_prepare(w->db, which, &w->statements[which]);
	if (result == SQLITE_OK)
		w->bound.has_table[table] = true;
	return result;
}

static int write_rows(struct store_writer *w, const struct store_item *i)
{
	const struct store_table_info *info = &store_table_infos[i->u.rows.table];
	unsigned count = info->column_count - (info->of_snapshot ? 0 : 1);
	const struct store_cell *cell = i->u.rows.cells;
	struct snapshot_known known = { 0, -1 }; /* no snapshot is of the time 0 */
	int result = prepare_plain(w, i->u.rows.table);
	for (size_t n = 0; n < i->u.rows.row_count && result == SQLITE_OK; n++) {
		struct row r = row_of(w, STORE_STATEMENTS_PLAIN + (int)i->u.rows.table);
		bool whole = true;
		if (!info->of_snapshot)
			bind_integer(&r, i->process_id);
		for (unsigned k = 0; k < count; k++)
			whole &= bind_cell(w, i->process_id, &r, cell++, &known);
		if (whole)
			result = run_row(&r);
	}
	return result;
}

static int write_end_process(struct store_writer *w, const struct store_item *i)
{
	const struct store_process_end *e = i->u.end_process;
	bool known = e->how == STORE_END_EXIT || e->how == STORE_END_SIGNAL;
	bool named = e->how >= 0 && e->how <= STORE_END_UNKNOWN;
	struct row r = row_of(w, WRITE_END_PROCESS);
	bind_integer(&r, e->id);
	bind_integer(&r, relative(w, e->end_ns));
	bind_text(&r, store_end_names[named ? e->how : STORE_END_UNKNOWN]);
	bind_or_null(&r, e->status, known);
	bind_known(&r, e->ru_maxrss_bytes);
	bind_known(&r, e->vm_hwm_bytes);
	bind_or_null(&r, e->rss_peak_bytes, e->rss_peak_bytes > 0);
	bind_known(&r, e->user_ns);
	bind_known(&r, e->system_ns);
	bind_known(&r, e->minor_faults);
	bind_known(&r, e->major_faults);
	bind_bounded_text(&r, e->probe_state, sizeof e->probe_state);
	bind_counters(w, &r, &e->counters, e->counters.allocations > 0 || !strcmp(e->probe_state, "on"));
	int result = run_row(&r);
	return result == SQLITE_OK ? write_heaps(w, e->id, e->heaps) : result;
}

static int write_end_run(struct store_writer *w, const struct store_item *i)
{
	struct row r = row_of(w, WRITE_END_RUN);
	bind_integer(&r, relative(w, i->u.end_run.end_ns));
	bind_or_null(&r, i->u.end_run.wait_status, i->u.end_run.wait_status != STORE_NO_STATUS);
	bind_or_null(&r, i->u.end_run.tree_peak_rss_bytes, i->u.end_run.tree_peak_rss_bytes > 0);
	bind_or_null(&r, relative(w, i->u.end_run.tree_peak_ns), i->u.end_run.tree_peak_rss_bytes > 0);
	return run_row(&r);
}

static int write_count(struct store_writer *w, const char *key, uint64_t count)
{
	if (!count)
		return SQLITE_OK;
	struct row r = row_of(w, WRITE_META);
	bind_text(&r, key);
	bind_integer(&r, (int64_t)count);
	return run_row(&r);
}

static int write_drops(struct store_writer *w, const uint64_t *dropped)
{
	int result = write_count(w, "samples_dropped", dropped[ITEM_SAMPLE]);
	if (result == SQLITE_OK)
		result = write_count(w, "snapshots_dropped", dropped[ITEM_SNAPSHOT]);
	if (result == SQLITE_OK)
		result = write_count(w, "events_dropped", dropped[ITEM_EVENT] +
				     (uint64_t)w->bound.dropped_events);
	return result;
}

static int (*const writes[ITEM_KINDS])(struct store_writer *w, const struct store_item *i) = {
	[ITEM_RUN] = write_run,
	[ITEM_PROCESS] = write_process,
	[ITEM_SAMPLE] = write_sample,
	[ITEM_SNAPSHOT] = write_snapshot,
	[ITEM_EVENT] = write_event,
	[ITEM_UNKNOWN] = write_unknown,
	[ITEM_ROWS] = write_rows,
	[ITEM_END_PROCESS] = write_end_process,
	[ITEM_END_RUN] = write_end_run,
};

/* SQLite keeps the cause of some errors only; errno has it just after the call. */
static void note_system_errno(struct store_writer *w)
{
	int known = w->db ? sqlite3_system_errno(w->db) : 0;
	w->system_errno = known ? known : errno;
}

int store_writer_write(struct store_writer *w, const struct store_item *chain, const uint64_t *dropped)
{
	uint64_t last_ns = w->last_ns;
	errno = 0;
	int r = sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (; chain && r == SQLITE_OK; chain = chain->next)
		r = writes[chain->kind](w, chain);
	if (r == SQLITE_OK)
		r = write_drops(w, dropped);
	if (r == SQLITE_OK)
		r = sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL);
	if (r != SQLITE_OK) {
		note_system_errno(w);
		w->last_ns = last_ns;
		if (!sqlite3_get_autocommit(w->db))
			sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

int store_writer_init(struct store_writer *w, const char *path)
{
	*w = (struct store_writer){ 0 };
	errno = 0;
	int r = sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (r == SQLITE_OK)
		r = store_schema_create(w->db);
	/* Somebody else's program may hold the file for a moment; the queue bridges it. */
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(w->db, 5000);
	for (int i = 0; i < STORE_STATEMENTS_PLAIN && r == SQLITE_OK; i++)
		r = store_statement_prepare(w->db, i, &w->statements[i]);
	if (r != SQLITE_OK)
		note_system_errno(w);
	store_bound_init(&w->bound, w->db);
	return r;
}

int store_writer_finish(struct store_writer *w)
{
	for (int i = 0; i < STORE_STATEMENTS; i++)
		sqlite3_finalize(w->statements[i]);
	store_bound_finish(&w->bound);
	/* Back to one file that also opens where nothing can be written. If a reader has
	 * it open right now it stays in WAL mode, complete all the same. */
	sqlite3_busy_timeout(w->db, 100);
	errno = 0;
	int r = sqlite3_exec(w->db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	if (r != SQLITE_OK)
		note_system_errno(w);
	int closed = sqlite3_close(w->db);
	w->db = NULL;
	return r == SQLITE_BUSY || r == SQLITE_LOCKED ? closed : r != SQLITE_OK ? r : closed;
}
