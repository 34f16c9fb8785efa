/* SPDX-License-Identifier: MIT */
/* The reader against files that are no recording, damaged ones and hostile ones: one
 * sentence and an error, never a crash (the suite runs under the sanitizers too). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "export/export.h"
#include "make_recording.h"
#include "recording.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden("good", true);
	return 0;
}

static int copy_good(const char *to)
{
	char command[64];
	unlink(to);
	snprintf(command, sizeof command, "cp good %s", to);
	return system(command);
}

static void damage(const char *path, const char *sql)
{
	sqlite3 *db;
	char *error = NULL;
	assert_int_equal(copy_good(path), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA ignore_check_constraints=ON; PRAGMA writable_schema=ON", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
}

static FILE *nowhere(void)
{
	FILE *f = fopen("/dev/null", "w");
	assert_non_null(f);
	return f;
}

/* Opens and shows everything; the first error of any of it, or 0. The sentence is kept. */
static int use(const char *path, char *error, size_t size)
{
	struct recording *r;
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	int result = recording_open(path, &r, error, size);
	if (result)
		return result;
	FILE *out = nowhere();
	o.verbose = 1;
	o.width = 80;
	result = report_print_summary(r, &o, out);
	if (!result)
		result = report_print_json(r, &o, out);
	for (const char *const *t = export_csv.tables; *t && !result; t++)
		result = export_csv.write(r, &(struct export_options){ *t, STACK_QUERY_DEFAULT }, out);
	if (result == -ENOENT) /* "stacks", the last: it has none */
		result = 0;
	if (result)
		snprintf(error, size, "%s", report_error_text(r, result));
	fclose(out);
	recording_close(r);
	return result;
}

static void expect_error(const char *path, int expected, const char *sentence)
{
	char error[512] = "";
	int result = use(path, error, sizeof error);
	if (result != expected || !strstr(error, sentence) || strchr(error, '\n'))
		fail_msg("%d \"%s\" instead of %d \"%s\"", result, error, expected, sentence);
}

static void test_good(void **state)
{
	char error[512] = "";
	assert_int_equal(use("good", error, sizeof error), 0);
	assert_string_equal(error, "");
}

static void test_contents(void **state)
{
	struct recording *r;
	char error[512];
	assert_int_equal(recording_open("good", &r, error, sizeof error), 0);
	const struct recording_run *run = recording_run(r);
	const struct recording_process *p = recording_process(r, 0);
	assert_true(run->ended);
	assert_int_equal(run->end_ns, 530000000);
	assert_int_equal(run->tree_peak_rss_bytes, 62 * MIB);
	assert_string_equal(run->command, "ruff check 'it'\\''s \"here\"'");
	assert_string_equal(run->cwd, "/home/someone");
	assert_int_equal(p->pid, 4711);
	assert_true(p->probe_on);
	assert_int_equal(p->how, STORE_END_EXIT);
	assert_int_equal(p->ru_maxrss_bytes, 47 * MIB);
	assert_int_equal(p->net_peak_bytes, 44 * MIB);
	assert_int_equal(p->snapshot_count, 5);
	assert_int_equal(p->heap_count, 1);
	assert_string_equal(p->heaps[0].version, "2.36");
	assert_int_equal(p->counters.live_peak_ns, 300000000);
	p = recording_process_by_id(r, 2);
	assert_int_equal(p->ru_maxrss_bytes, RECORDING_UNKNOWN);
	assert_false(p->has_counters);
	assert_int_equal(p->status, 9);
	assert_null(recording_process_by_id(r, 4));
	assert_null(recording_process(r, 3));
	recording_close(r);
}

static void test_no_recordings(void **state)
{
	FILE *f = fopen("text", "w");
	fputs("this is not a recording, but it is long enough to be one\n", f);
	fclose(f);
	close(open("empty", O_CREAT | O_WRONLY, 0600));
	mkdir("folder", 0700);
	expect_error("missing", -ENOENT, "missing: no such recording");
	expect_error("text", -EBADMSG, "text: not a memwhy recording (not an SQLite file)");
	expect_error("empty", -EBADMSG, "the file is empty");
	expect_error("folder", -EINVAL, "not a regular file");
	expect_error("/dev/null", -EINVAL, "not a regular file");
}

static void test_other_sqlite_file(void **state)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open("other", &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE run (id)", NULL, NULL, NULL);
	sqlite3_close(db);
	expect_error("other", -EBADMSG, "another program's SQLite file");
}

static void test_newer_version(void **state)
{
	damage("newer", "PRAGMA user_version=7");
	expect_error("newer", -EPROTONOSUPPORT, "written by a newer memwhy (format 7, this one reads 1)");
	damage("none", "PRAGMA user_version=0");
	expect_error("none", -EBADMSG, "impossible format version");
	damage("negative", "PRAGMA user_version=-1");
	expect_error("negative", -EBADMSG, "impossible format version");
}

/* Wherever the file is cut: an error or, behind the last page that is needed, a report. */
static void test_truncated(void **state)
{
	struct stat st;
	char error[512];
	assert_int_equal(stat("good", &st), 0);
	int errors = 0, cuts = 0;
	for (off_t size = 0; size < st.st_size; size += 1 + st.st_size / 97, cuts++) {
		assert_int_equal(copy_good("cut"), 0);
		assert_int_equal(truncate("cut", size), 0);
		errors += use("cut", error, sizeof error) != 0;
	}
	assert_true(errors == cuts);
}

/* Bytes turned at random (the same ones each time): no crash, whatever comes of it. */
static void test_scrambled(void **state)
{
	struct stat st;
	char error[512];
	unsigned seed = 12345;
	assert_int_equal(stat("good", &st), 0);
	for (int round = 0; round < 150; round++) {
		assert_int_equal(copy_good("scrambled"), 0);
		int fd = open("scrambled", O_WRONLY);
		assert_true(fd >= 0);
		for (int i = 0; i < 12; i++) {
			seed = seed * 1103515245 + 12345;
			char byte = (char)(seed >> 16);
			off_t at = (off_t)(seed % (unsigned)st.st_size);
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		close(fd);
		int result = use("scrambled", error, sizeof error);
		assert_true(result <= 0);
	}
}

static void test_missing_table(void **state)
{
	static const char *const tables[] = { "meta", "run", "process", "heap", "sample", "snapshot", "mapping", "event" };
	char sql[64], sentence[64];
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		snprintf(sql, sizeof sql, "DROP TABLE %s", tables[i]);
		snprintf(sentence, sizeof sentence, "table \"%s\" is missing", tables[i]);
		damage("bad", sql);
		expect_error("bad", -EBADMSG, sentence);
	}
}

static void test_missing_column(void **state)
{
	damage("bad", "ALTER TABLE snapshot DROP COLUMN probe_bytes");
	expect_error("bad", -EBADMSG, "damaged: no such column");
}

/* A view could compute for ever. */
static void test_view_for_table(void **state)
{
	damage("bad", "DROP TABLE event; CREATE VIEW event AS WITH RECURSIVE n(x) AS"
	       " (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n");
	expect_error("bad", -EBADMSG, "table \"event\" is missing or none");
	damage("bad", "ALTER TABLE sample ADD COLUMN y AS (id || 'x')");
	expect_error("bad", -EBADMSG, "table \"sample\" is missing or none");
}

static void test_wrong_values(void **state)
{
	static const struct { const char *sql, *sentence; } cases[] = {
		{ "UPDATE process SET pid = 'x' WHERE id = 1", "table \"process\", column \"pid\"" },
		{ "UPDATE process SET pid = -1 WHERE id = 1", "column \"pid\"" },
		{ "UPDATE process SET command = x'ff00' WHERE id = 1", "column \"command\"" },
		{ "UPDATE process SET start_ns = 1e300 WHERE id = 1", "column \"start_ns\"" },
		{ "UPDATE process SET live_bytes = 9223372036854775807 WHERE id = 1", "column \"live_bytes\"" },
		{ "UPDATE process SET command = printf('%.*c', 3000000, 'x') WHERE id = 1", "column \"command\"" },
		{ "UPDATE snapshot SET rss_bytes = 9223372036854775807", "table \"snapshot\"" },
		{ "UPDATE snapshot SET rss_bytes = -9223372036854775807", "table \"snapshot\"" },
		{ "UPDATE snapshot SET rss_bytes = 'a'", "table \"snapshot\"" },
		{ "UPDATE snapshot SET stacks_bytes = x'00' WHERE id = 1", "column \"stacks_bytes\"" },
		{ "UPDATE snapshot SET time_ns = -5 WHERE id = 1", "column \"time_ns\"" },
		{ "UPDATE snapshot SET threads = 4294967296 WHERE id = 1", "column \"threads\"" },
		{ "UPDATE sample SET time_ns = 'soon'", "column \"time_ns\"" },
		{ "UPDATE mapping SET start = 1.5", "column \"start\"" },
		{ "UPDATE run SET start_realtime_ns = 'x'", "column \"start_realtime_ns\"" },
		{ "INSERT INTO meta VALUES ('samples_dropped', 'many')", "table \"meta\"" },
		{ "UPDATE heap SET name = x'41'", "table \"heap\"" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		damage("bad", cases[i].sql);
		expect_error("bad", -EBADMSG, cases[i].sentence);
	}
}

/* Odd, but with a meaning: these are shown. */
static void test_odd_values(void **state)
{
	static const char *const cases[] = {
		"UPDATE process SET parent_id = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE 3 END",
		"UPDATE process SET how = 'abducted', status = -7",
		"UPDATE process SET how = 'signal', status = 2000000000",
		"UPDATE process SET command = NULL, exe = NULL, probe_state = NULL",
		"UPDATE snapshot SET trigger = 'whim', hold = '', pages = 'guess'",
		"UPDATE snapshot SET process_id = 99",
		"UPDATE snapshot SET rss_bytes = NULL",
		"UPDATE snapshot SET rss_bytes = 0, probe_bytes = 72057594037927936",
		"UPDATE snapshot SET rss_bytes = 72057594037927936, file_backed_bytes = -72057594037927936",
		"DELETE FROM snapshot",
		"DELETE FROM run",
		"DELETE FROM meta",
		"DELETE FROM sample",
		"UPDATE heap SET name = '', version = printf('%.*c', 5000, 'v')",
		"INSERT INTO heap SELECT 99, 1, 'x', 'y', 'z', 0, 0, 'f'",
		"UPDATE snapshot SET time_ns = 2305843009213693952",
		"UPDATE process SET end_ns = 0, start_ns = 2305843009213693952",
		"UPDATE run SET end_ns = NULL, tree_peak_rss_bytes = NULL",
		"UPDATE mapping SET name = char(27) || '[2J', kind = 'a-kind-that-is-too-long', start = -1",
	};
	char error[512];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		damage("odd", cases[i]);
		if (use("odd", error, sizeof error))
			fail_msg("%s: %s", cases[i], error);
	}
}

static void test_no_processes(void **state)
{
	damage("bad", "DELETE FROM process");
	expect_error("bad", -ENODATA, "no process was recorded");
}

static int stop_at_two(void *arg, const struct recording_snapshot *s)
{
	return ++*(int *)arg == 2 ? 42 : 0;
}

static void test_walk_ends(void **state)
{
	struct recording *r;
	char error[512];
	int seen = 0;
	assert_int_equal(recording_open("good", &r, error, sizeof error), 0);
	assert_int_equal(recording_each_snapshot(r, 1, stop_at_two, &seen), 42);
	assert_int_equal(seen, 2);
	recording_close(r);
}

/* In a folder that can't be written, left in WAL mode without its -wal. */
static void test_read_only_folder(void **state)
{
	char error[512] = "";
	mkdir("shut", 0700);
	damage("shut/a", "PRAGMA journal_mode=WAL; CREATE TABLE x (y)");
	assert_int_equal(access("shut/a-wal", F_OK), -1);
	assert_int_equal(chmod("shut", 0500), 0);
	int result = use("shut/a", error, sizeof error);
	chmod("shut", 0700);
	if (result)
		fail_msg("%s", error);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, leave_folder)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good), TEST(test_contents), TEST(test_no_recordings), TEST(test_other_sqlite_file),
		TEST(test_newer_version), TEST(test_truncated), TEST(test_scrambled), TEST(test_missing_table),
		TEST(test_missing_column), TEST(test_view_for_table), TEST(test_wrong_values), TEST(test_odd_values),
		TEST(test_no_processes), TEST(test_walk_ends), TEST(test_read_only_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
