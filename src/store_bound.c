/* SPDX-License-Identifier: MIT */
/* Which rows of a recording may go; see store_bound.h. */
#include "store_bound.h"
#include "store_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Above this many processes nothing more is bounded: each lived shortly then. */
#define PROCESSES_MAX (1u << 20)

void store_bound_init(struct store_bound *b, sqlite3 *db)
{
	*b = (struct store_bound){ .db = db };
}

void store_bound_finish(struct store_bound *b)
{
	for (size_t i = 0; i < b->process_slots; i++)
		free(b->processes[i]);
	free(b->processes);
	*b = (struct store_bound){ 0 };
}

static int grow(struct store_bound *b, uint32_t id)
{
	size_t slots = b->process_slots ? b->process_slots : 16;
	while (slots <= id)
		slots *= 2;
	struct store_bound_process **p = reallocarray(b->processes, slots, sizeof *p);
	if (!p)
		return -1;
	memset(p + b->process_slots, 0, (slots - b->process_slots) * sizeof *p);
	b->processes = p;
	b->process_slots = slots;
	return 0;
}

static struct store_bound_process *process_of(struct store_bound *b, uint32_t id)
{
	if (id >= PROCESSES_MAX || (id >= b->process_slots && grow(b, id)))
		return NULL;
	if (!b->processes[id])
		b->processes[id] = calloc(1, sizeof *b->processes[id]);
	return b->processes[id];
}

static bool is_kept(const struct store_bound_process *p, int64_t id)
{
	for (size_t i = 0; i < p->record_count; i++)
		if (p->records[i].id == id)
			return true;
	return id == p->live_peak_id || id == p->exit_id || id == p->last_id;
}

/* Bytes a hundredth below: what still counts as the peak. */
static int64_t near(int64_t bytes)
{
	return bytes - bytes / 100;
}

static void note_record(struct store_bound_process *p, int64_t id, int64_t bytes)
{
	size_t n = p->record_count;
	/* A thousandth apart, so that a percent holds at most eleven. */
	if (n && bytes <= p->records[n - 1].bytes + p->records[n - 1].bytes / 1000)
		return;
	size_t gone = 0;
	while (gone < n && (p->records[gone].bytes < near(bytes) || n - gone == STORE_BOUND_RECORDS))
		gone++;
	memmove(p->records, p->records + gone, (n - gone) * sizeof *p->records);
	p->record_count = n - gone;
	p->records[p->record_count++] = (struct store_bound_record){ id, bytes };
}

static void note_snapshot(struct store_bound_process *p, int64_t id, const struct snapshot *s)
{
	const struct ledger *l = &s->ledger;
	if (s->trigger == TRIGGER_PURGED)
		return; /* no peak, no end: its row is kept, its mappings are not needed */
	if (ledger_has(l, LEDGER_T_rss))
		note_record(p, id, l->bytes[LEDGER_T_rss] - l->bytes[LEDGER_T_probe]);
	if (ledger_has(l, LEDGER_T_live_requested) &&
	    (!p->live_peak_id || l->bytes[LEDGER_T_live_requested] > p->live_peak_bytes)) {
		p->live_peak_id = id;
		p->live_peak_bytes = l->bytes[LEDGER_T_live_requested];
	}
	if (s->trigger == TRIGGER_EXIT || s->trigger == TRIGGER_EXEC)
		p->exit_id = id;
	p->last_id = id;
}

static int exec(struct store_bound *b, const char *format, int64_t id)
{
	char sql[512];
	snprintf(sql, sizeof sql, format, (long long)id);
	return sqlite3_exec(b->db, sql, NULL, NULL, NULL);
}

static int drop_details(struct store_bound *b, int64_t id)
{
	int r = exec(b, "DELETE FROM mapping WHERE snapshot_id = %lld", id);
	for (int t = 0; t < STORE_TABLES && r == SQLITE_OK; t++) {
		char format[128];
		if (!store_table_infos[t].of_snapshot || !b->has_table[t])
			continue;
		snprintf(format, sizeof format, "DELETE FROM %s WHERE snapshot_id = %%lld", store_table_infos[t].name);
		r = exec(b, format, id);
	}
	return r;
}

static int drop_mappings(struct store_bound *b, const struct store_bound_process *before,
			 const struct store_bound_process *now)
{
	int64_t ids[STORE_BOUND_RECORDS + 3];
	size_t n = 0;
	for (size_t i = 0; i < before->record_count; i++)
		ids[n++] = before->records[i].id;
	ids[n++] = before->live_peak_id;
	ids[n++] = before->exit_id;
	ids[n++] = before->last_id;
	for (size_t i = 0; i < n; i++) {
		if (!ids[i] || is_kept(now, ids[i]))
			continue;
		int r = drop_details(b, ids[i]);
		if (r != SQLITE_OK)
			return r;
	}
	return SQLITE_OK;
}

/* Every other snapshot that no report needs. */
static int thin_snapshots(struct store_bound *b, uint32_t process_id, struct store_bound_process *p)
{
	sqlite3_stmt *st;
	int r = sqlite3_prepare_v2(b->db, "SELECT id, trigger IN ('exit', 'exec', 'last', 'asked', 'purged') FROM snapshot"
				   " WHERE process_id = ?1 ORDER BY id", -1, &st, NULL);
	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(st, 1, process_id);
	/* ids are taken first: rows must not go from under the walk */
	int64_t *gone = calloc(STORE_SNAPSHOTS_MAX, sizeof *gone), kept = 0;
	size_t n = 0;
	bool other = false;
	while (gone && (r = sqlite3_step(st)) == SQLITE_ROW && n < STORE_SNAPSHOTS_MAX) {
		int64_t id = sqlite3_column_int64(st, 0);
		other = !other;
		if (!other && !sqlite3_column_int(st, 1) && !is_kept(p, id))
			gone[n++] = id;
		else
			kept++;
	}
	sqlite3_finalize(st);
	r = SQLITE_OK;
	for (size_t i = 0; i < n && r == SQLITE_OK; i++)
		r = exec(b, "DELETE FROM snapshot WHERE id = %lld", gone[i]);
	free(gone);
	p->snapshot_count = kept;
	return r;
}

int store_bound_snapshot(struct store_bound *b, uint32_t process_id, int64_t id, const struct snapshot *s)
{
	struct store_bound_process *p = process_of(b, process_id);
	if (!p)
		return SQLITE_OK;
	struct store_bound_process before = *p;
	note_snapshot(p, id, s);
	int r = drop_mappings(b, &before, p);
	if (r == SQLITE_OK && ++p->snapshot_count >= STORE_SNAPSHOTS_MAX)
		r = thin_snapshots(b, process_id, p);
	return r;
}

int store_bound_sample(struct store_bound *b, uint32_t process_id)
{
	struct store_bound_process *p = process_of(b, process_id);
	if (!p || ++p->sample_count < STORE_SAMPLES_MAX)
		return SQLITE_OK;
	/* Of each two neighbours the one with more resident bytes stays. */
	static const char thin[] =
		"DELETE FROM sample WHERE id IN (SELECT CASE WHEN rss_bytes < other_rss THEN id ELSE other END"
		" FROM (SELECT id, rss_bytes, row_number() OVER w AS n, lead(id) OVER w AS other,"
		" lead(rss_bytes) OVER w AS other_rss FROM sample WHERE process_id = %lld"
		" WINDOW w AS (ORDER BY id)) WHERE n %% 2 = 1 AND other IS NOT NULL)";
	int r = exec(b, thin, process_id);
	p->sample_count -= sqlite3_changes(b->db);
	return r;
}

int store_bound_event(struct store_bound *b)
{
	if (++b->event_count < STORE_EVENTS_MAX)
		return SQLITE_OK;
	static const char bulk[] =
		"DELETE FROM event WHERE id IN (SELECT id FROM event WHERE"
		" kind IN ('map', 'unmap', 'dontneed', 'madv_free', 'thread') ORDER BY id LIMIT %lld)";
	int r = exec(b, bulk, STORE_EVENTS_MAX / 4);
	int64_t gone = sqlite3_changes(b->db);
	if (r == SQLITE_OK && !gone) { /* nothing but rare kinds, by the ten thousand */
		r = exec(b, "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT %lld)",
			 STORE_EVENTS_MAX / 4);
		gone = sqlite3_changes(b->db);
	}
	b->event_count -= gone;
	b->dropped_events += gone;
	return r;
}
