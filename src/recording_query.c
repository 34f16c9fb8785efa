/* SPDX-License-Identifier: MIT */
/* Queries over an untrusted recording, and the sentence when one fails; see
 * recording_private.h. */
#include "recording_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int recording_fail(struct recording *r, int result, const char *format, ...)
{
	va_list args;
	int n = snprintf(r->error, sizeof r->error, "%s: ", r->path);
	va_start(args, format);
	if (n >= 0 && (size_t)n < sizeof r->error)
		vsnprintf(r->error + n, sizeof r->error - (size_t)n, format, args);
	va_end(args);
	return result;
}

static int fail_sqlite(struct recording *r)
{
	return recording_fail(r, sqlite3_errcode(r->db) == SQLITE_NOMEM ? -ENOMEM : -EBADMSG,
		    "damaged: %s", sqlite3_errmsg(r->db));
}

const char *recording_keep_text(struct recording *r, const char *text)
{
	size_t n = strlen(text) + 1;
	struct recording_text *block = malloc(sizeof *block + n);
	if (!block)
		return NULL;
	memcpy(block->text, text, n);
	block->next = r->texts;
	r->texts = block;
	return block->text;
}

int recording_each_row(struct recording *r, const char *table, int64_t parameter, recording_row_fn *fn, void *arg,
		    const char *sql)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) != SQLITE_OK)
		return fail_sqlite(r);
	if (sqlite3_bind_parameter_count(st))
		sqlite3_bind_int64(st, 1, parameter);
	int code, result = 0;
	while (!result && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct recording_row row = recording_row_begin(st);
		result = fn(r, &row, arg);
		if (row.bad)
			result = recording_fail(r, -EBADMSG, "damaged (table \"%s\", column \"%s\")", table, row.bad);
	}
	if (!result && code != SQLITE_DONE)
		result = fail_sqlite(r);
	sqlite3_finalize(st);
	return result;
}

int64_t recording_row_time(struct recording_row *row)
{
	return recording_row_integer(row, 0, VALUE_TIME_MAX);
}

bool recording_row_counters(struct recording_row *row, struct counters *ret_counters)
{
	bool had = true;
#define COUNTER(field, min, max) ret_counters->field = recording_row_optional(row, min, max, 0, &had);
#include "counters.def"
#undef COUNTER
	return had;
}
