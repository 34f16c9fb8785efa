/* SPDX-License-Identifier: MIT */
/* What the allocators said, written as the collector does and read again; damage is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"
#include "recording_allocator.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct recording *open_it(const char *path)
{
	struct recording *r;
	char error[256] = "";
	if (recording_open(path, &r, error, sizeof error))
		fail_msg("%s", error);
	return r;
}

static void add_rows(struct store *s)
{
	struct store_cell figures[2][5] = {
		{ store_time(START_NS + 200), store_integer(0), store_integer(WIRE_ARENA_ALL), store_text("dirty"), store_integer(4096) },
		{ store_time(START_NS + 100), store_integer(0), store_integer(3), store_text("dirty_decay"), store_integer(-1) },
	};
	struct store_cell unknown[5] = { store_time(START_NS + 150), store_integer(0), store_integer(0),
					 store_text("of_a_newer_memwhy"), store_integer(7) };
	struct store_cell settings[3] = { store_integer(0), store_text("opt.narenas"), store_text("8") };
	struct store_cell reading[5] = { store_time(START_NS + 100), store_integer(0), store_integer(5000),
					 store_text("not-safe"), store_integer(3) };
	struct store_cell purge[9] = { store_time(START_NS + 300), store_text("exit"), store_text("ok"), store_integer(1),
		store_integer(4600000), store_integer(73 * MIB), store_integer(20 * MIB),
		store_time(START_NS + 290), store_time(START_NS + 310) };
	store_add_rows(s, 1, TABLE_FIGURE, figures[0], 2);
	store_add_rows(s, 1, TABLE_FIGURE, unknown, 1);
	store_add_rows(s, 1, TABLE_SETTING, settings, 1);
	store_add_rows(s, 1, TABLE_READING, reading, 1);
	store_add_rows(s, 1, TABLE_PURGE, purge, 1);
}

static void make_it(const char *path)
{
	struct store *s = make_store(path);
	struct store_process p = make_process(1, 4711, "x", "/bin/x");
	store_add_process(s, &p);
	add_rows(s);
	close_store(s);
}

static struct recording_figure seen[4];
static int seen_count;

static int take_figure(void *arg, const struct recording_figure *f)
{
	assert_true(seen_count < 4);
	seen[seen_count++] = *f;
	return 0;
}

/* In order of time; a figure that this memwhy does not know is not there. */
static void test_figures(void **state)
{
	struct recording *r = open_it("rows.memwhy");
	seen_count = 0;
	assert_int_equal(recording_each_figure(r, 1, take_figure, NULL), 0);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].figure, WIRE_FIGURE_dirty_decay);
	assert_int_equal(seen[0].value, -1);
	assert_int_equal(seen[0].arena, 3);
	assert_int_equal(seen[1].figure, WIRE_FIGURE_dirty);
	assert_int_equal(seen[1].time_ns, 200);
	assert_int_equal(recording_each_figure(r, 2, take_figure, NULL), 0);
	assert_int_equal(seen_count, 2);
	recording_close(r);
}

static int check_setting(void *arg, const struct recording_setting *s)
{
	assert_string_equal(s->name, "opt.narenas");
	assert_string_equal(s->value, "8");
	return ++*(int *)arg;
}

static int check_reading(void *arg, const struct recording_reading *x)
{
	assert_int_equal(x->result, WIRE_READING_NOT_SAFE);
	assert_int_equal(x->not_safe, 3);
	assert_int_equal(x->took_ns, 5000);
	return ++*(int *)arg;
}

static int check_purge(void *arg, const struct recording_purge *p)
{
	assert_string_equal(p->reason, "exit");
	assert_int_equal(p->result, WIRE_READING_OK);
	assert_int_equal(p->rss_before_bytes, 73 * MIB);
	assert_int_equal(p->rss_after_bytes, 20 * MIB);
	assert_int_equal(p->before_ns, 290);
	assert_int_equal(p->after_ns, 310);
	return ++*(int *)arg;
}

/* A callback's answer ends the walk and is returned. */
static void test_others(void **state)
{
	struct recording *r = open_it("rows.memwhy");
	int n = 0;
	assert_int_equal(recording_each_setting(r, 0, check_setting, &n), 1);
	assert_int_equal(recording_each_reading(r, 1, check_reading, &n), 2);
	assert_int_equal(recording_each_purge(r, 1, check_purge, &n), 3);
	recording_close(r);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *error = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &error))
		fail_msg("%s", error);
	sqlite3_close(db);
}

/* As an older memwhy wrote it. */
static void test_without_tables(void **state)
{
	make_it("old.memwhy");
	run_sql("old.memwhy", "DROP TABLE figure; DROP TABLE setting; DROP TABLE reading; DROP TABLE purge");
	struct recording *r = open_it("old.memwhy");
	int n = 0;
	seen_count = 0;
	assert_int_equal(recording_each_figure(r, 0, take_figure, NULL), 0);
	assert_int_equal(recording_each_setting(r, 0, check_setting, &n), 0);
	assert_int_equal(recording_each_reading(r, 0, check_reading, &n), 0);
	assert_int_equal(recording_each_purge(r, 0, check_purge, &n), 0);
	assert_int_equal(seen_count + n, 0);
	recording_close(r);
}

static void test_damage(void **state)
{
	static const char *const damages[] = {
		"UPDATE figure SET value = 'many'", "UPDATE figure SET heap = 4000000",
		"UPDATE figure SET arena = -7", "UPDATE figure SET time_ns = -5",
		"UPDATE figure SET value = 9000000000000000000",
	};
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		char path[32];
		snprintf(path, sizeof path, "bad%zu.memwhy", i);
		make_it(path);
		run_sql(path, damages[i]);
		struct recording *r = open_it(path);
		seen_count = 0;
		assert_int_equal(recording_each_figure(r, 0, take_figure, NULL), -EBADMSG);
		assert_non_null(strstr(recording_error(r), "table \"figure\""));
		recording_close(r);
	}
}

static void test_names(void **state)
{
	assert_int_equal(figure_by_name("top_free"), WIRE_FIGURE_top_free);
	assert_int_equal(figure_by_name(""), -1);
	assert_int_equal(figure_infos[WIRE_FIGURE_mmapped_blocks].unit, FIGURE_COUNT);
	assert_int_equal(figure_infos[WIRE_FIGURE_muzzy_decay].unit, FIGURE_MS);
	assert_string_equal(reading_result_name(WIRE_READING_NO_WAY), "no-way");
	assert_string_equal(reading_result_name(WIRE_READING_RESULTS), "unknown");
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_it("rows.memwhy");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures), cmocka_unit_test(test_others), cmocka_unit_test(test_without_tables),
		cmocka_unit_test(test_damage), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
