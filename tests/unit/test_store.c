/* SPDX-License-Identifier: MIT */
/* The writer: what it keeps, what it bounds, and what is left when it is hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"
#include "recording.h"
#include "store_bound.h"
#include "store_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up(void **state)
{
	enter_temporary_folder();
	return 0;
}

static int64_t query(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

/* Lets the writer catch up, so that nothing is dropped however slow the machine is. A
 * few of the latest ids may have gone again. */
static void wait_until_written(const char *table, int rows)
{
	char sql[64];
	snprintf(sql, sizeof sql, "SELECT max(id) FROM %s", table);
	for (int i = 0; i < 3000 && query("a", sql) < rows - 2; i++)
		usleep(10000);
}

static void add_snapshot(struct store *s, int ms, enum snapshot_trigger trigger, struct ledger ledger)
{
	struct snapshot n = make_snapshot(ms, trigger, ledger);
	store_add_snapshot(s, 1, &n);
	free_snapshot(&n);
}

static void add_process(struct store *s)
{
	struct store_process p = make_process(1, 42, "x", "/x");
	store_add_process(s, &p);
}

static void test_identity_and_single_file(void **state)
{
	make_golden("a", true);
	assert_int_equal(query("a", "PRAGMA application_id"), STORE_APPLICATION_ID);
	assert_int_equal(query("a", "PRAGMA user_version"), STORE_USER_VERSION);
	assert_int_equal(access("a-wal", F_OK), -1);
	assert_int_equal(access("a-shm", F_OK), -1);
	assert_int_equal(query("a", "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'delete'"), 1);
	assert_int_equal(query("a", "SELECT count(*) FROM process"), 3);
	assert_int_equal(query("a", "SELECT count(*) FROM heap"), 2);
	assert_int_equal(query("a", "SELECT count(*) FROM event"), 1);
	assert_int_equal(query("a", "SELECT time_ns FROM event"), 20000000);
	assert_int_equal(query("a", "SELECT argv = '[\"ruff\",\"check\",\"it''s \\\"here\\\"\"]' FROM run"), 1);
}

static void test_refuses_to_overwrite(void **state)
{
	struct store *s = NULL;
	make_golden("a", true);
	assert_int_equal(store_create("a", false, &s), -EEXIST);
	assert_null(s);
	assert_int_equal(query("a", "SELECT count(*) FROM process"), 3);
	assert_int_equal(store_create("a", true, &s), 0);
	close_store(s);
	assert_int_equal(query("a", "SELECT count(*) FROM process"), 0);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(store_create("folder", true, &s), -EISDIR);
	assert_int_equal(store_create("missing/a", false, &s), -ENOENT);
}

/* Names that mean something to SQLite are names of files here. */
static void test_odd_names(void **state)
{
	static const char *const names[] = { ":memory:", "file:a?mode=memory", "a%20b" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct recording *r;
		char error[256];
		make_golden(names[i], true);
		assert_int_equal(access(names[i], F_OK), 0);
		assert_int_equal(recording_open(names[i], &r, error, sizeof error), 0);
		assert_int_equal(recording_process_count(r), 3);
		recording_close(r);
	}
}

static void test_update_process(void **state)
{
	struct store *s = make_store("a");
	struct store_process p = make_process(1, 42, "before", "/x");
	p.probe_state = "not yet";
	store_add_process(s, &p);
	struct sample n = { START_NS + 1, MIB, make_counters(5, 5) };
	store_add_sample(s, 1, &n);
	p.command = "after";
	p.exe = NULL;
	p.probe_state = "on";
	strcpy(p.heaps[1].name, "jemalloc");
	store_update_process(s, &p);
	store_add_sample(s, 1, &n);
	close_store(s);
	assert_int_equal(query("a", "SELECT command = 'after' AND exe = '/x' FROM process"), 1);
	assert_int_equal(query("a", "SELECT count(*) FROM heap"), 2);
	/* counters before the probe was on are no figures */
	assert_int_equal(query("a", "SELECT count(*) FROM sample WHERE allocations IS NULL AND live_bytes IS NULL"), 1);
	assert_int_equal(query("a", "SELECT live_bytes FROM sample WHERE allocations IS NOT NULL"), 5);
}

/* Visible to another process while the writer is at work, within the promised time. */
static void test_commits_in_time(void **state)
{
	struct store *s = make_store("a");
	add_process(s);
	usleep(400000);
	struct sample n = { START_NS + 1, MIB, make_counters(5, 5) };
	store_add_sample(s, 1, &n);
	usleep(250000);
	assert_int_equal(query("a", "SELECT count(*) FROM sample"), 1);
	struct recording *r;
	char error[256];
	assert_int_equal(recording_open("a", &r, error, sizeof error), 0);
	assert_false(recording_run(r)->ended);
	assert_int_equal(recording_process_count(r), 1);
	recording_close(r);
	close_store(s);
}

/* A SIGKILL of the writer loses nothing that was committed. */
static void test_killed(void **state)
{
	pid_t pid = fork();
	if (!pid) {
		struct store *s = make_store("a");
		add_process(s);
		add_snapshot(s, 5, TRIGGER_TIMER, make_ledger(20 * MIB, MIB, MIB));
		usleep(400000);
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	struct recording *r;
	char error[256];
	assert_int_equal(recording_open("a", &r, error, sizeof error), 0);
	assert_int_equal(recording_process_count(r), 1);
	assert_int_equal(recording_process(r, 0)->snapshot_count, 1);
	assert_false(recording_run(r)->ended);
	recording_close(r);
}

static void write_beyond_limit(void)
{
	signal(SIGXFSZ, SIG_IGN);
	struct store *s = make_store("a");
	add_process(s);
	add_snapshot(s, 5, TRIGGER_TIMER, make_ledger(20 * MIB, MIB, MIB));
	usleep(300000);
	struct rlimit limit = { 400000, 400000 };
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 20000; i++) {
		struct sample n = { START_NS + (unsigned)i, MIB, make_counters(i, 5) };
		store_add_sample(s, 1, &n);
		if (i % 1000 == 0)
			usleep(120000);
	}
	char error[512] = "";
	int r = store_close(s, error, sizeof error);
	_exit(r == -EFBIG && strstr(error, "./a could not be written any further") ? 0 : 1);
}

static void test_file_size_limit(void **state)
{
	pid_t pid = fork();
	if (!pid)
		write_beyond_limit();
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct recording *r;
	char error[256] = "";
	if (recording_open("a", &r, error, sizeof error))
		fail_msg("%s", error);
	assert_int_equal(recording_process(r, 0)->snapshot_count, 1);
	recording_close(r);
}

/* Of many snapshots only those keep their mappings that a report can show. */
static void test_mappings_are_bounded(void **state)
{
	struct store *s = make_store("a");
	add_process(s);
	for (int i = 0; i < 200; i++)
		add_snapshot(s, i, TRIGGER_RSS_GROWTH, make_ledger((20 + (i < 100 ? i : 200 - i)) * MIB,
								 (i == 150 ? 9 : 2) * MIB, MIB));
	add_snapshot(s, 300, TRIGGER_EXIT, make_ledger(12 * MIB, MIB, MIB));
	add_snapshot(s, 301, TRIGGER_LAST, make_ledger(11 * MIB, MIB, MIB));
	close_store(s);
	assert_int_equal(query("a", "SELECT count(*) FROM snapshot"), 202);
	/* 119 and 120 MiB (within 1 %), the live peak, the exit, the last */
	assert_int_equal(query("a", "SELECT count(DISTINCT snapshot_id) FROM mapping"), 5);
	assert_int_equal(query("a", "SELECT count(*) FROM mapping m JOIN snapshot s ON s.id = m.snapshot_id"
			       " WHERE s.time_ns IN (99000000, 100000000, 150000000, 300000000, 301000000)"), 10);
	assert_int_equal(query("a", "SELECT count(*) FROM mapping WHERE live_bytes IS NULL"), 5);
}

static void test_snapshots_are_bounded(void **state)
{
	struct store *s = make_store("a");
	add_process(s);
	for (int i = 0; i < 2 * STORE_SNAPSHOTS_MAX; i++) {
		add_snapshot(s, i, TRIGGER_TIMER, make_ledger((20 + (i == 777 ? 50 : i % 7)) * MIB,
							    (i == 1234 ? 5 : 2) * MIB, MIB));
		if (i % 2048 == 2047)
			wait_until_written("snapshot", i + 1);
	}
	close_store(s);
	assert_in_range(query("a", "SELECT count(*) FROM snapshot"), 1000, STORE_SNAPSHOTS_MAX);
	assert_int_equal(query("a", "SELECT count(*) FROM snapshot WHERE time_ns IN (777000000, 1234000000)"), 2);
	assert_int_equal(query("a", "SELECT count(*) FROM meta WHERE key = 'snapshots_dropped'"), 0);
}

static void test_samples_are_bounded(void **state)
{
	struct store *s = make_store("a");
	add_process(s);
	for (int i = 0; i < STORE_SAMPLES_MAX + 10; i++) {
		struct sample n = { START_NS + (unsigned)i, (i == 4243 ? 99 : 1 + i % 2) * MIB, make_counters(i, 5) };
		store_add_sample(s, 1, &n);
		if (i % 16384 == 16383)
			wait_until_written("sample", i + 1);
	}
	close_store(s);
	assert_int_equal(query("a", "SELECT count(*) FROM meta WHERE key = 'samples_dropped'"), 0);
	assert_int_equal(query("a", "SELECT count(*) FROM sample"), STORE_SAMPLES_MAX / 2 + 10);
	assert_int_equal(query("a", "SELECT max(rss_bytes) FROM sample"), 99 * MIB);
	/* of each two the larger stayed */
	assert_int_equal(query("a", "SELECT count(*) FROM sample WHERE rss_bytes = 1048576"), 5);
}

static void test_events_are_bounded(void **state)
{
	struct store *s = make_store("a");
	add_process(s);
	store_add_event(s, 1, START_NS, "mark", 0, 0, 0, "kept");
	for (int i = 0; i < STORE_EVENTS_MAX + 100; i++) {
		store_add_event(s, 1, START_NS + (unsigned)i, "map", 4096, 4096, 1, NULL);
		if (i % 16384 == 16383)
			wait_until_written("event", i + 1);
	}
	close_store(s);
	assert_in_range(query("a", "SELECT count(*) FROM event"), STORE_EVENTS_MAX / 2, STORE_EVENTS_MAX);
	assert_int_equal(query("a", "SELECT text = 'kept' FROM event WHERE kind = 'mark'"), 1);
	assert_int_equal(query("a", "SELECT value FROM meta WHERE key = 'events_dropped'") +
			 query("a", "SELECT count(*) FROM event"), STORE_EVENTS_MAX + 101);
}

/* A disk that stands still costs samples, not the process rows, and is counted. */
static void test_drops_are_counted(void **state)
{
	struct store *s = make_store("a");
	add_process(s);
	usleep(300000);
	sqlite3 *db; /* stands in for the disk: holds the writer up for a while */
	assert_int_equal(sqlite3_open("a", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 200000; i++) {
		struct sample n = { START_NS + (unsigned)i, MIB, make_counters(i, 5) };
		store_add_sample(s, 1, &n);
	}
	struct store_process p = make_process(2, 43, "late", "/y");
	store_add_process(s, &p);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	close_store(s);
	int64_t dropped = query("a", "SELECT value FROM meta WHERE key = 'samples_dropped'");
	assert_true(dropped > 0);
	assert_int_equal(query("a", "SELECT count(*) FROM sample") + dropped, 200000);
	assert_int_equal(query("a", "SELECT count(*) FROM process"), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, leave_folder)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity_and_single_file), TEST(test_refuses_to_overwrite), TEST(test_odd_names),
		TEST(test_update_process), TEST(test_commits_in_time), TEST(test_killed), TEST(test_file_size_limit),
		TEST(test_mappings_are_bounded), TEST(test_snapshots_are_bounded), TEST(test_samples_are_bounded),
		TEST(test_events_are_bounded), TEST(test_drops_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
