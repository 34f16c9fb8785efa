/* SPDX-License-Identifier: MIT */
/*
 * store_bound.h - what keeps a recording of days small. Of each process the mappings
 * are kept of the snapshots that a report can show: those near the resident peak, the
 * live peak, the exit and the last; of samples and snapshots beyond a bound every other
 * one goes, never a peak; of events beyond a bound the oldest mapping events go.
 * Used by the writer thread alone.
 */
#ifndef MEMWHY_STORE_BOUND_H
#define MEMWHY_STORE_BOUND_H

#include "snapshot.h"
#include "store_tables.h"

#include <sqlite3.h>

#define STORE_SAMPLES_MAX   (1 << 18) /* of one process */
#define STORE_SNAPSHOTS_MAX (1 << 12) /* of one process */
#define STORE_EVENTS_MAX    (1 << 16) /* of the run */
#define STORE_BOUND_RECORDS 16

/* Near-maxima of resident bytes, ascending in time and in value: any of them can still
 * become "the earliest within 1 % of the peak". */
struct store_bound_record { int64_t id, bytes; };
struct store_bound_process {
	struct store_bound_record records[STORE_BOUND_RECORDS];
	size_t record_count;
	int64_t live_peak_id, live_peak_bytes, exit_id, last_id; /* ids: 0 = none */
	int64_t sample_count, snapshot_count;
};
struct store_bound {
	sqlite3 *db;                            /* borrowed */
	struct store_bound_process **processes; /* by process id, grown as needed */
	size_t process_slots;
	int64_t event_count, dropped_events;
	bool has_table[STORE_TABLES];           /* set by the writer when it makes one */
};
void store_bound_init(struct store_bound *b, sqlite3 *db);
void store_bound_finish(struct store_bound *b);
/* After the row was inserted. SQLite's result code; SQLITE_NOMEM costs only the bound. */
int store_bound_snapshot(struct store_bound *b, uint32_t process_id, int64_t id, const struct snapshot *s);
int store_bound_sample(struct store_bound *b, uint32_t process_id);
int store_bound_event(struct store_bound *b);

#endif
