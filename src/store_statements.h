/* SPDX-License-Identifier: MIT */
/* store_statements.h - the SQL of the recording's writer. */
#ifndef MEMWHY_STORE_STATEMENTS_H
#define MEMWHY_STORE_STATEMENTS_H

#include "store_tables.h"

#include <sqlite3.h>

/* Parameters: in the order of the columns in the text. */
enum store_statement {
	WRITE_RUN, WRITE_PROCESS, WRITE_HEAP, WRITE_SAMPLE, WRITE_SNAPSHOT, WRITE_MAPPING, WRITE_EVENT, WRITE_UNKNOWN,
	WRITE_END_PROCESS, WRITE_END_RUN, WRITE_META, READ_PROBE_ON, READ_SNAPSHOT_ID,
	STORE_STATEMENTS_PLAIN, /* from here on: one for each table of store_tables.h */
	STORE_STATEMENTS = STORE_STATEMENTS_PLAIN + STORE_TABLES
};
/* SQLite's result code; the caller finalizes it. */
int store_statement_prepare(sqlite3 *db, enum store_statement which, sqlite3_stmt **ret_statement);

#endif
