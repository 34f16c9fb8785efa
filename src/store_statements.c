/* SPDX-License-Identifier: MIT */
/* The writer's SQL; the columns of the ledger and the counters come from their lists. */
#include "store_statements.h"

#include "store_schema.h"

#include <stdio.h>

#define TERM(name, kind, label, ret, meaning) ", ?"
static const char ledger_marks[] =
#include "ledger_terms.def"
;
#undef TERM
#define COUNTER(field, min, max) ", ?"
static const char counter_marks[] =
#include "counters.def"
;
#undef COUNTER
#define COUNTER(field, min, max) ", " #field " = ?"
static const char counter_sets[] =
#include "counters.def"
;
#undef COUNTER

struct statement {
	const char *text;
	const char *more[7]; /* appended in turn, NULL-terminated */
};
static const struct statement statements[STORE_STATEMENTS_PLAIN] = {
	[WRITE_RUN] = { "INSERT OR REPLACE INTO run (id, command, argv, cwd, options, start_realtime_ns)"
			" VALUES (1, ?, ?, ?, ?, ?)", { NULL } },
	[WRITE_PROCESS] = { "INSERT INTO process (id, parent_id, pid, start_ns, command, exe, probe_state)"
			    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
			    " command = coalesce(excluded.command, command),"
			    " exe = coalesce(excluded.exe, exe), probe_state = excluded.probe_state", { NULL } },
	[WRITE_HEAP] = { "INSERT OR REPLACE INTO heap (process_id, slot, name, version, path, low, high,"
			 " found) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", { NULL } },
	[WRITE_SAMPLE] = { "INSERT INTO sample (process_id, time_ns, rss_bytes",
			   { store_counter_columns, ") VALUES (?, ?, ?", counter_marks, ")" } },
	[WRITE_SNAPSHOT] = { "INSERT INTO snapshot (process_id, time_ns, duration_ns, trigger, hold, pages,"
			     " vm_hwm_bytes",
			     { store_ledger_columns, store_counter_columns, ") VALUES (?, ?, ?, ?, ?, ?, ?",
			       ledger_marks, counter_marks, ")" } },
	[WRITE_MAPPING] = { "INSERT INTO mapping (snapshot_id, start, end, perms, kind, name,"
			    " resident_bytes, live_bytes, dirty_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", { NULL } },
	[WRITE_EVENT] = { "INSERT INTO event (process_id, time_ns, kind, address, length, arg, text)"
			  " VALUES (?, ?, ?, ?, ?, ?, ?)", { NULL } },
	[WRITE_UNKNOWN] = { "INSERT INTO unknown (process_id, module, offset, kind, count)"
			    " VALUES (?, ?, ?, ?, ?)", { NULL } },
	[WRITE_END_PROCESS] = { "UPDATE process SET end_ns = ?2, how = ?3, status = ?4, ru_maxrss_bytes = ?5,"
				" vm_hwm_bytes = ?6, rss_peak_bytes = ?7, user_ns = ?8, system_ns = ?9,"
				" minor_faults = ?10, major_faults = ?11,"
				" probe_state = CASE ?12 WHEN '' THEN probe_state ELSE ?12 END",
				{ counter_sets, " WHERE id = ?1" } },
	[WRITE_END_RUN] = { "UPDATE run SET end_ns = ?, wait_status = ?, tree_peak_rss_bytes = ?,"
			    " tree_peak_ns = ?", { NULL } },
	[READ_PROBE_ON] = { "SELECT 1 FROM process WHERE id = ? AND probe_state = 'on'", { NULL } },
	[READ_SNAPSHOT_ID] = { "SELECT id FROM snapshot WHERE process_id = ? AND time_ns = ?", { NULL } },
	[WRITE_META] = { "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", { NULL } },
};

/* A row that is there already gives way: news of the same thing. */
static void plain_text(enum store_table t, char *ret, size_t size)
{
	size_t n = (size_t)snprintf(ret, size, "INSERT OR REPLACE INTO %s VALUES (?", store_table_infos[t].name);
	for (unsigned i = 1; i < store_table_infos[t].column_count && n < size; i++)
		n += (size_t)snprintf(ret + n, size - n, ", ?");
	if (n < size)
		snprintf(ret + n, size - n, ")");
}

int store_statement_prepare(sqlite3 *db, enum store_statement which, sqlite3_stmt **ret_statement)
{
	char text[4096];
	if (which >= STORE_STATEMENTS_PLAIN) {
		plain_text((enum store_table)(which - STORE_STATEMENTS_PLAIN), text, sizeof text);
		return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
	}
	size_t n = (size_t)snprintf(text, sizeof text, "%s", statements[which].text);
	for (int i = 0; statements[which].more[i] && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s", statements[which].more[i]);
	return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
}
