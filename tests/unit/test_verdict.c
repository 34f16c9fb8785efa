/* SPDX-License-Identifier: MIT */
/* The order of findings, the columns' sums, and a recording with the allocator's rows from the
 * file to the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_verdict.h"
#include "report.h"
#include "verdict_gather.h"
#include "verdict_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PURGE_NAME "purge.memwhy"

static struct verdict_fixture f;

static int64_t sum(const struct verdict_columns *c)
{
	return c->now_bytes + c->setting_bytes + c->program_bytes + c->nobody_bytes;
}

/* The peak's blame first, though the exit's is larger; a crumb of the peak is no blame. */
static void test_order(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 1000, 20);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(45, 30, 9));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(1, 80, 3));
	struct verdict v = fixture_judge(&f);
	assert_int_equal(v.finding_count, 2);
	assert_string_equal(v.findings[0].rule, "too-many-arenas");
	assert_string_equal(v.findings[1].rule, "decay-never-ran");
	assert_true(v.findings[1].bytes > v.findings[0].bytes);
	verdict_finish(&v);

	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	struct ledger l = fixture_ledger(60, 0, 0);
	fixture_add(&l, LEDGER_T_stacks, 8);
	fixture_moment(&f, REPORT_AT_PEAK, 900, l);
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(1, 60, 3));
	v = fixture_judge(&f);
	assert_string_equal(v.findings[0].rule, "decay-never-ran");
	assert_string_equal(v.findings[1].rule, "thread-stacks");
	verdict_finish(&v);
}

/* Too many unknown frees: nothing is certain, and live least of all. */
static void test_unreliable(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(60, 0, 0));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(1, 60, 3));
	f.counters.unknown_frees = 100000;
	struct verdict v = fixture_judge(&f);
	assert_int_equal(v.finding_count, 1);
	assert_int_equal(v.findings[0].confidence, VERDICT_LIKELY);
	verdict_finish(&v);
}

static void test_columns_sum(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(64, 20, 7));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(1, 60, 3));
	struct verdict v = fixture_judge(&f);
	assert_true(v.peak.had && v.exit.had);
	assert_int_equal(sum(&v.peak), (20 + 7 + 2 + 2) * MIB);
	assert_int_equal(v.peak.now_bytes, 20 * MIB);
	assert_int_equal(v.peak.setting_bytes, 2 * MIB);
	assert_int_equal(v.peak.program_bytes, 7 * MIB);
	assert_false(v.exit.now_measured);
	assert_int_equal(v.ideal_bytes, 66 * MIB);
	verdict_finish(&v);
}

/* What the purge left of the dirty pages is a setting's: caches hold it. */
static void test_measured_columns(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(1, 60, 3));
	fixture_purge(&f, 66, 16);
	struct verdict v = fixture_judge(&f);
	assert_true(v.exit.now_measured);
	assert_int_equal(v.exit.now_bytes, 50 * MIB);
	assert_int_equal(v.exit.setting_bytes, 10 * MIB);
	assert_int_equal(sum(&v.exit), 65 * MIB);
	assert_false(v.peak.had);
	verdict_finish(&v);
	fixture_purge(&f, 66, 70); /* it grew meanwhile: nothing was given back */
	v = fixture_judge(&f);
	assert_int_equal(v.exit.now_bytes, 0);
	assert_int_equal(sum(&v.exit), 65 * MIB);
	verdict_finish(&v);
	fixture_purge(&f, 666, 16); /* more than there was: never more than the gap */
	v = fixture_judge(&f);
	assert_int_equal(v.exit.now_bytes, 65 * MIB);
	assert_int_equal(sum(&v.exit), 65 * MIB);
	verdict_finish(&v);
}

/* ---- from a recording ---------------------------------------------------------------------- */

static void add_snapshot(struct store *s, int ms, enum snapshot_trigger trigger, struct ledger l)
{
	struct snapshot n = make_snapshot(ms, trigger, l);
	n.counters.threads = 20;
	store_add_snapshot(s, 1, &n);
	free_snapshot(&n);
}

static void add_figures(struct store *s, int ms, int64_t dirty_mib)
{
	for (int64_t arena = 0; arena < 8; arena++) {
		struct store_cell row[5] = { store_time(START_NS + (uint64_t)ms * 1000000), store_integer(1), store_integer(arena),
					     store_text("dirty"), store_integer(dirty_mib * MIB / 8) };
		store_add_rows(s, 1, TABLE_FIGURE, row, 1);
	}
	struct store_cell all[5] = { store_time(START_NS + (uint64_t)ms * 1000000), store_integer(1), store_integer(WIRE_ARENA_ALL),
				     store_text("dirty"), store_integer(dirty_mib * MIB) };
	store_add_rows(s, 1, TABLE_FIGURE, all, 1);
}

static void add_purge(struct store *s)
{
	struct store_cell setting[3] = { store_integer(1), store_text("opt.dirty_decay_ms"), store_text("10000") };
	struct store_cell purge[9] = { store_time(START_NS + 511000000), store_text("exit"), store_text("ok"),
		store_integer(2), store_integer(4600000), store_integer(100 * MIB), store_integer(27 * MIB),
		store_time(START_NS + 510000000), store_time(START_NS + 516000000) };
	store_add_rows(s, 1, TABLE_SETTING, setting, 1);
	store_add_rows(s, 1, TABLE_PURGE, purge, 1);
}

static struct store_process linked_process(void)
{
	struct store_process p = make_process(1, 4711, "ruff check", "/usr/bin/ruff");
	strcpy(p.heaps[1].name, "jemalloc");
	strcpy(p.heaps[1].version, "5.3.0");
	p.heaps[1].state = WIRE_HEAP_FOLLOWED;
	p.heaps[1].found = WIRE_FOUND_BEHAVIOUR;
	return p;
}

/* Ten threads: free pages in eight arenas at the peak, most of it dirty at the exit, purged. */
static void make_purge(const char *path)
{
	struct store *s = make_store(path);
	struct store_process p = linked_process();
	store_add_process(s, &p);
	struct ledger peak = fixture_ledger(45, 30, 9), end = fixture_ledger(1, 80, 3);
	fixture_add(&peak, LEDGER_T_file_backed, 14);
	fixture_add(&end, LEDGER_T_file_backed, 14);
	add_snapshot(s, 300, TRIGGER_RSS_GROWTH, peak);
	add_snapshot(s, 510, TRIGGER_EXIT, end);
	add_snapshot(s, 516, TRIGGER_PURGED, fixture_ledger(1, 7, 3));
	add_figures(s, 300, 28);
	add_figures(s, 510, 76);
	add_purge(s);
	struct sample after = { START_NS + 516000000, 27 * MIB, make_counters(MIB, 1000) };
	store_add_sample(s, 1, &after);
	struct store_process_end e = { .id = 1, .end_ns = START_NS + 520000000, .how = STORE_END_EXIT,
		.ru_maxrss_bytes = 104 * MIB, .vm_hwm_bytes = 103 * MIB, .rss_peak_bytes = 103 * MIB,
		.user_ns = 900000000, .system_ns = 100000000, .minor_faults = 30000, .major_faults = 0,
		.counters = make_counters(45 * MIB, 1234567) };
	e.counters.threads = 20;
	strcpy(e.probe_state, "on");
	memcpy(e.heaps, p.heaps, sizeof e.heaps);
	store_end_process(s, &e);
	store_end_run(s, START_NS + 530000000, 0, 104 * MIB, START_NS + 310000000);
	close_store(s);
}

static struct recording *open_it(const char *path)
{
	struct recording *r;
	char error[256] = "";
	if (recording_open(path, &r, error, sizeof error))
		fail_msg("%s", error);
	return r;
}

static void test_gather(void **state)
{
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	struct report_model m;
	struct verdict_gathered g;
	struct recording *r = open_it(PURGE_NAME);
	int64_t value = 0;
	assert_int_equal(report_model_init(&m, r, &o), 0);
	assert_int_equal(verdict_gather(r, &m, &g), 0);
	assert_string_equal(g.in.heap->name, "jemalloc");
	assert_int_equal(g.in.heap_index, 1);
	assert_true(verdict_figure(&g.in, REPORT_AT_PEAK, WIRE_FIGURE_dirty, &value));
	assert_int_equal(value, 28 * MIB);
	assert_true(verdict_figure(&g.in, REPORT_AT_EXIT, WIRE_FIGURE_dirty, &value));
	assert_int_equal(value, 76 * MIB);
	assert_int_equal(g.in.figures[REPORT_AT_PEAK].arenas_seen, 8);
	assert_false(verdict_figure(&g.in, REPORT_AT_PEAK, WIRE_FIGURE_allocated, &value));
	assert_string_equal(verdict_setting(&g.in, "opt.dirty_decay_ms"), "10000");
	assert_null(verdict_setting(&g.in, "opt.thp"));
	assert_true(g.in.has_purge);
	assert_int_equal(g.in.purged.s.trigger, TRIGGER_PURGED);
	assert_int_equal(g.in.series_count, 0); /* the only sample came after the purge */
	verdict_gather_finish(&g);
	report_model_finish(&m);
	recording_close(r);
}

/* A purge's snapshot is memwhy's doing: no peak, no exit, no live peak. */
static void test_purged_is_no_moment(void **state)
{
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	struct report_model m;
	struct store *s = make_store("odd.memwhy");
	struct store_process p = make_process(1, 7, "odd", "/bin/odd");
	store_add_process(s, &p);
	add_snapshot(s, 100, TRIGGER_LAST, fixture_ledger(10, 1, 0));
	add_snapshot(s, 200, TRIGGER_PURGED, fixture_ledger(50, 1, 0));
	close_store(s);
	struct recording *r = open_it("odd.memwhy");
	assert_int_equal(report_model_init(&m, r, &o), 0);
	for (int i = 0; i < REPORT_AT_TIME; i++)
		assert_int_equal(m.moments[i].snapshot.s.trigger, TRIGGER_LAST);
	report_model_finish(&m);
	recording_close(r);
}

typedef int print_fn(struct recording *r, const struct report_options *options, FILE *out);

static void compare(print_fn *print, const char *golden, int verbose)
{
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	struct recording *r = open_it(PURGE_NAME);
	char *text;
	size_t size, widest = 0;
	FILE *out = open_memstream(&text, &size);
	o.width = 80;
	o.colour = o.utf8 = 0;
	o.verbose = verbose;
	assert_int_equal(print(r, &o, out), 0);
	fclose(out);
	recording_close(r);
	const char *line = strchr(text, '\n') + 1; /* the header says who it was, however long */
	for (; *line && print != report_print_why_json; line += strcspn(line, "\n") + 1)
		widest = strcspn(line, "\n") > widest ? strcspn(line, "\n") : widest;
	assert_in_range(widest, 0, 80);
	compare_with_golden(golden, text);
	free(text);
}

static void test_text(void **state)
{
	compare(report_print_why, "why.txt", 0);
	compare(report_print_why, "why-verbose.txt", 1);
}

static void test_json(void **state)
{
	compare(report_print_why_json, "why.json", 0);
}

static void test_summary(void **state)
{
	compare(report_print_summary, "report-purge.txt", 0);
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_purge(PURGE_NAME);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order), cmocka_unit_test(test_unreliable), cmocka_unit_test(test_columns_sum), cmocka_unit_test(test_measured_columns),
		cmocka_unit_test(test_gather), cmocka_unit_test(test_purged_is_no_moment), cmocka_unit_test(test_text),
		cmocka_unit_test(test_json), cmocka_unit_test(test_summary),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
