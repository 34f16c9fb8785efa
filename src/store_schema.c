/* SPDX-License-Identifier: MIT */
/* The recording's tables as SQL; see store_schema.h and memwhy-recording(5). */
#include "store_schema.h"

#include "config.h"
#include "store_tables.h"

#include <stdio.h>

const char *const store_end_names[STORE_END_NAMES] = { "running", "exit", "signal", "exec", "unknown" };

#define TERM(name, kind, label, ret, meaning) ", " #name "_bytes"
const char store_ledger_columns[] =
#include "ledger_terms.def"
;
#undef TERM
#define COUNTER(name, min, max) ", " #name
const char store_counter_columns[] =
#include "counters.def"
;
#undef COUNTER

#define TERM(name, kind, label, ret, meaning) #name "_bytes INTEGER, "
#define COUNTER(name, min, max) #name " INTEGER, "

static const char tables[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;"
	"CREATE TABLE run ("
	" id INTEGER PRIMARY KEY CHECK (id = 1), command TEXT NOT NULL, argv TEXT NOT NULL,"
	" cwd TEXT, options TEXT, start_realtime_ns INTEGER NOT NULL, end_ns INTEGER,"
	" wait_status INTEGER, tree_peak_rss_bytes INTEGER, tree_peak_ns INTEGER);"
	"CREATE TABLE process ("
	" id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL, pid INTEGER NOT NULL,"
	" start_ns INTEGER NOT NULL, end_ns INTEGER, command TEXT, exe TEXT, probe_state TEXT,"
	" how TEXT, status INTEGER, ru_maxrss_bytes INTEGER, vm_hwm_bytes INTEGER,"
	" rss_peak_bytes INTEGER, user_ns INTEGER, system_ns INTEGER, minor_faults INTEGER,"
	" major_faults INTEGER, "
#include "counters.def"
	" CHECK (id > 0));"
	"CREATE TABLE heap ("
	" process_id INTEGER NOT NULL, slot INTEGER NOT NULL, name TEXT NOT NULL, version TEXT,"
	" path TEXT, low INTEGER, high INTEGER, found TEXT, PRIMARY KEY (process_id, slot)) WITHOUT ROWID;"
	"CREATE TABLE sample ("
	" id INTEGER PRIMARY KEY, process_id INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" rss_bytes INTEGER, "
#include "counters.def"
	" CHECK (time_ns >= 0));"
	"CREATE TABLE snapshot ("
	" id INTEGER PRIMARY KEY, process_id INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" duration_ns INTEGER NOT NULL, trigger TEXT NOT NULL, hold TEXT NOT NULL,"
	" pages TEXT NOT NULL, vm_hwm_bytes INTEGER, "
#include "ledger_terms.def"
#include "counters.def"
	" CHECK (time_ns >= 0));"
	"CREATE TABLE mapping ("
	" snapshot_id INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,"
	" perms TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, resident_bytes INTEGER,"
	" live_bytes INTEGER, dirty_bytes INTEGER);"
	"CREATE TABLE event ("
	" id INTEGER PRIMARY KEY, process_id INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" kind TEXT NOT NULL, address INTEGER, length INTEGER, arg INTEGER, text TEXT);"
	"CREATE TABLE unknown ("
	" process_id INTEGER NOT NULL, module TEXT NOT NULL, offset INTEGER NOT NULL,"
	" kind TEXT NOT NULL, count INTEGER NOT NULL);"
	"CREATE INDEX snapshot_by_process ON snapshot (process_id, time_ns);"
	"CREATE INDEX mapping_by_snapshot ON mapping (snapshot_id);"
	"INSERT INTO meta VALUES ('memwhy_version', '" PACKAGE_VERSION "');";

int store_schema_add(sqlite3 *db, enum store_table table)
{
	const struct store_table_info *i = &store_table_infos[table];
	char sql[1024];
	snprintf(sql, sizeof sql, "CREATE TABLE IF NOT EXISTS %s (%s%s)%s", i->name, i->columns, i->constraint,
		 i->constraint[0] ? " WITHOUT ROWID" : "");
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int store_schema_create(sqlite3 *db)
{
	char sql[sizeof tables + 256];
	/* synchronous=OFF: what is written survives any death of memwhy, as the kernel has
	 * it; only a power cut could harm the file, and an fsync may take seconds. */
	snprintf(sql, sizeof sql,
		 "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN IMMEDIATE;"
		 "PRAGMA application_id=%d; PRAGMA user_version=%d; %s COMMIT;",
		 STORE_APPLICATION_ID, STORE_USER_VERSION, tables);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}
