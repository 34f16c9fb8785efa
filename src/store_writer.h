/* SPDX-License-Identifier: MIT */
/*
 * store_writer.h - turns items into rows. Used by the writer thread alone. All results
 * are SQLite's codes.
 */
#ifndef MEMWHY_STORE_WRITER_H
#define MEMWHY_STORE_WRITER_H

#include "store_bound.h"
#include "store_queue.h"
#include "store_statements.h"

struct store_writer {
	sqlite3 *db;          /* owned; closed by finish */
	sqlite3_stmt *statements[STORE_STATEMENTS];
	struct store_bound bound;
	uint64_t start_ns;    /* times in the file are relative to it */
	int system_errno;     /* of the last failure; 0: not known */
	uint64_t last_ns;     /* the latest committed time, relative; for the error sentence */
};
/* Makes the tables in the empty file at path. */
int store_writer_init(struct store_writer *w, const char *path);
/* Writes a chain in one transaction. Frees none of it. */
int store_writer_write(struct store_writer *w, const struct store_item *chain, const uint64_t *dropped);
/* Leaves a single file if the disk lets it. */
int store_writer_finish(struct store_writer *w);

#endif
