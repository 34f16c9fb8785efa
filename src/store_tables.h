/* SPDX-License-Identifier: MIT */
/*
 * store_tables.h - the recording's tables whose rows are plain lists of cells: what the
 * allocators say (figure, setting, reading, purge) and call stacks (module, frame, stack,
 * stack_total, stack_figure, symbol). Their columns are in store_tables.c, one line each;
 * the schema, the statements and the row writer are made from that list. A new table is a
 * line there; readers do without tables that a recording does not have.
 */
#ifndef MEMWHY_STORE_TABLES_H
#define MEMWHY_STORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_table {
	TABLE_FIGURE, TABLE_SETTING, TABLE_READING, TABLE_PURGE,
	TABLE_MODULE, TABLE_FRAME, TABLE_STACK, TABLE_STACK_TOTAL, TABLE_STACK_FIGURE, TABLE_SYMBOL,
	STORE_TABLES
};

#define STORE_COLUMNS_MAX 16
struct store_table_info {
	const char *name;
	const char *columns;    /* as in CREATE TABLE; the first is always the process's or snapshot's */
	unsigned column_count;
	const char *constraint; /* behind the columns, or "" */
	bool of_snapshot;       /* the first column is snapshot_id: goes when its mappings go */
};
extern const struct store_table_info store_table_infos[STORE_TABLES];

enum store_cell_kind {
	CELL_NULL, CELL_INTEGER, CELL_TEXT, CELL_BLOB,
	CELL_TIME,              /* CLOCK_MONOTONIC; written relative to the run's start */
	CELL_SNAPSHOT           /* CLOCK_MONOTONIC time of a snapshot of this process: becomes its id; a
	                         * row whose snapshot was dropped is dropped too */
};
struct store_cell {
	enum store_cell_kind kind;
	int64_t integer;        /* INTEGER, TIME, SNAPSHOT */
	const void *bytes;      /* TEXT, BLOB; copied */
	size_t size;            /* of bytes; TEXT: without a NUL */
};
static inline struct store_cell store_integer(int64_t v) { return (struct store_cell){ CELL_INTEGER, v, NULL, 0 }; }
/* -1 is "unknown" in the structs of store.h. */
static inline struct store_cell store_known(int64_t v) { return (struct store_cell){ v >= 0 ? CELL_INTEGER : CELL_NULL, v, NULL, 0 }; }
static inline struct store_cell store_time(uint64_t ns) { return (struct store_cell){ CELL_TIME, (int64_t)ns, NULL, 0 }; }
static inline struct store_cell store_snapshot_at(uint64_t ns) { return (struct store_cell){ CELL_SNAPSHOT, (int64_t)ns, NULL, 0 }; }
static inline struct store_cell store_null(void) { return (struct store_cell){ CELL_NULL, 0, NULL, 0 }; }
struct store_cell store_text(const char *text); /* NULL: a null */

#endif
