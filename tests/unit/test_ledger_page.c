/* SPDX-License-Identifier: MIT */
/* The man pages say what ledger_terms.def, counters.def and the schema say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger.h"
#include "store_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char ledger_page[1 << 16], recording_page[1 << 16];

/* roff's escapes for a hyphen and line breaks within a sentence are undone. */
static int read_page(const char *name, char *ret, size_t size)
{
	const char *source = getenv("srcdir");
	char path[4096];
	snprintf(path, sizeof path, "%s/man/%s", source ? source : ".", name);
	FILE *f = fopen(path, "r");
	if (!f)
		return -1;
	size_t n = 0;
	for (int c = fgetc(f); c != EOF && n + 1 < size; c = fgetc(f))
		if (c != '\\' || (c = fgetc(f)) == '-')
			ret[n++] = (char)c;
	ret[n] = 0;
	fclose(f);
	return 0;
}

static int set_up(void **state)
{
	return read_page("memwhy-ledger.7", ledger_page, sizeof ledger_page) ||
	       read_page("memwhy-recording.5", recording_page, sizeof recording_page) ? -1 : 0;
}

/* Each term has its entry, with its meaning word for word, in the order of the list. */
static void test_terms(void **state)
{
	const char *before = ledger_page;
	for (int t = 0; t < LEDGER_TERMS; t++) {
		char entry[64];
		snprintf(entry, sizeof entry, "\n.TP\n.B %s\n", ledger_term_infos[t].name);
		const char *at = strstr(before, entry);
		if (!at)
			fail_msg("memwhy-ledger.7 has no entry \"%s\" in its place", ledger_term_infos[t].name);
		const char *next = strstr(at + 1, "\n.TP"), *meaning = strstr(at, ledger_term_infos[t].meaning);
		if (!meaning || (next && meaning > next))
			fail_msg("memwhy-ledger.7 says something else of \"%s\"", ledger_term_infos[t].name);
		before = at + 1;
	}
}

/* Every table and every column is documented. */
static void test_columns(void **state)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	int columns = 0;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(store_schema_create(db), SQLITE_OK);
	for (int t = 0; t < STORE_TABLES; t++)
		assert_int_equal(store_schema_add(db, t), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
					    " WHERE t.type = 'table'", -1, &st, NULL), SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; columns++) {
		const char *table = (const char *)sqlite3_column_text(st, 0);
		const char *column = (const char *)sqlite3_column_text(st, 1);
		char entry[64];
		snprintf(entry, sizeof entry, "\n.SS %s\n", table);
		if (!strstr(recording_page, entry))
			fail_msg("memwhy-recording.5 has no table \"%s\"", table);
		/* terms are in memwhy-ledger.7 */
		char term[64];
		snprintf(term, sizeof term, "%s", column);
		if (ledger_term_by_name(term) < 0 && !strstr(recording_page, column))
			fail_msg("memwhy-recording.5 has no column \"%s\" (table %s)", column, table);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	assert_true(columns > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_terms), cmocka_unit_test(test_columns) };
	return cmocka_run_group_tests(tests, set_up, NULL);
}
