/* SPDX-License-Identifier: MIT */
/*
 * store_schema.h - the tables of a recording (memwhy-recording(5)). The writer and the
 * reader take the columns of the ledger and of the counters from the same two lists,
 * ledger_terms.def and counters.def. A change of the tables is a new STORE_USER_VERSION;
 * a new table that readers can do without (unknown) is none.
 */
#ifndef MEMWHY_STORE_SCHEMA_H
#define MEMWHY_STORE_SCHEMA_H

#include "store_tables.h"

#include <sqlite3.h>

#define STORE_APPLICATION_ID 0x4d574859 /* "MWHY" */
#define STORE_USER_VERSION 1

/* ", rss_bytes, ..." and ", live_bytes, ...": column lists behind other columns. */
extern const char store_ledger_columns[], store_counter_columns[];

#define STORE_END_NAMES 5
/* STORE_END_* (store.h) as the recording has them. */
extern const char *const store_end_names[STORE_END_NAMES];

/* Makes the tables in an empty database and puts it into WAL mode. SQLite's result code. */
int store_schema_create(sqlite3 *db);
/* A table of store_tables.h, if it isn't there. They come with their first row: a recording
 * of a short run under a limit on file sizes stays small. SQLite's result code. */
int store_schema_add(sqlite3 *db, enum store_table table);

#endif
