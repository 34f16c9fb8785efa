/* SPDX-License-Identifier: MIT */
/* Checked access to the columns of a row; see recording_value.h. */
#include "recording_value.h"

#include <string.h>

#define TEXT_MAX (1 << 20)

struct recording_row recording_row_begin(sqlite3_stmt *statement)
{
	return (struct recording_row){ .statement = statement };
}

static void mark_bad(struct recording_row *r, int column)
{
	if (!r->bad)
		r->bad = sqlite3_column_name(r->statement, column);
	if (!r->bad)
		r->bad = "?";
}

int64_t recording_row_integer(struct recording_row *r, int64_t min, int64_t max)
{
	int c = r->column++;
	int64_t value = sqlite3_column_int64(r->statement, c);
	if (sqlite3_column_type(r->statement, c) == SQLITE_INTEGER && value >= min && value <= max)
		return value;
	mark_bad(r, c);
	return min;
}

int64_t recording_row_optional(struct recording_row *r, int64_t min, int64_t max, int64_t unknown, bool *ret_had)
{
	if (sqlite3_column_type(r->statement, r->column) != SQLITE_NULL)
		return recording_row_integer(r, min, max);
	r->column++;
	if (ret_had)
		*ret_had = false;
	return unknown;
}

uint64_t recording_row_address(struct recording_row *r)
{
	return (uint64_t)recording_row_integer(r, INT64_MIN, INT64_MAX);
}

const char *recording_row_text(struct recording_row *r)
{
	int c = r->column++, type = sqlite3_column_type(r->statement, c);
	if (type == SQLITE_NULL)
		return "";
	const char *text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(r->statement, c) : NULL;
	if (text && sqlite3_column_bytes(r->statement, c) <= TEXT_MAX)
		return text;
	mark_bad(r, c);
	return "";
}
