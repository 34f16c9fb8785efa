/* SPDX-License-Identifier: MIT */
/*
 * recording_value.h - one value at a time out of a row of an untrusted recording. The
 * first that has the wrong type or an impossible size marks the row as bad; the caller
 * looks once, at the end of the row.
 */
#ifndef MEMWHY_RECORDING_VALUE_H
#define MEMWHY_RECORDING_VALUE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Larger values are not of this world, and sums of a few dozen of smaller ones fit. */
#define VALUE_MAX (INT64_C(1) << 56)
/* A time since the run's start: 73 years. */
#define VALUE_TIME_MAX (INT64_C(1) << 61)

struct recording_row {
	sqlite3_stmt *statement;
	int column;      /* the next one */
	const char *bad; /* the name of the first bad column, or NULL; borrowed */
};
struct recording_row recording_row_begin(sqlite3_stmt *statement);
/* min..max, or bad. */
int64_t recording_row_integer(struct recording_row *r, int64_t min, int64_t max);
/* NULL gives `unknown` and clears *ret_had (which may be NULL, and is else left alone). */
int64_t recording_row_optional(struct recording_row *r, int64_t min, int64_t max, int64_t unknown, bool *ret_had);
/* Any 64 bits, as addresses. */
uint64_t recording_row_address(struct recording_row *r);
/* "" for NULL; until the next row. Bad when longer than 1 MiB or not text. */
const char *recording_row_text(struct recording_row *r);

#endif
