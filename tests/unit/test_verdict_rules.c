/* SPDX-License-Identifier: MIT */
/* Each rule where it applies, and beside the edge where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_verdict.h"
#include "verdict_help.h"

#include <string.h>

static struct verdict_fixture f;

/* A batch run: live to the end, all freed at the exit. */
static void batch(const char *allocator, const char *found, int64_t run_ms, unsigned threads)
{
	fixture_init(&f, allocator, found, run_ms, threads);
	fixture_moment(&f, REPORT_AT_PEAK, run_ms - 100, fixture_ledger(60, 2, 2));
	fixture_moment(&f, REPORT_AT_EXIT, run_ms, fixture_ledger(0, 60, 1));
}

static void test_decay_never_ran(void **state)
{
	batch("jemalloc", "preload", 1000, 1);
	expect_first(&f, "decay-never-ran");
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_dirty_decay, 500);
	expect_first(&f, "live-is-it");
	batch("jemalloc", "preload", 20000, 1);
	expect_first(&f, "live-is-it");
	fixture_setting(&f, "opt.dirty_decay_ms", "-1");
	expect_first(&f, "decay-never-ran");
}

static void test_decay_promises_the_purge(void **state)
{
	batch("jemalloc", "preload", 1000, 1);
	struct verdict v = fixture_judge(&f);
	const struct verdict_finding *d = find_rule(&v, "decay-never-ran");
	assert_non_null(d);
	assert_int_equal(d->saves_bytes, RECORDING_UNKNOWN);
	assert_int_equal(d->moment, VERDICT_EXIT);
	assert_non_null(strstr(d->advice, "MALLOC_CONF=dirty_decay_ms:0"));
	assert_null(strstr(d->advice, "_RJEM"));
	verdict_finish(&v);
	fixture_purge(&f, 63, 13);
	v = fixture_judge(&f);
	assert_int_equal(find_rule(&v, "decay-never-ran")->saves_bytes, 50 * MIB);
	verdict_finish(&v);
}

static int64_t up_then_down(int i) { return i < 120 ? 60 * MIB : 0; }

static void idle(const char *allocator, int64_t calls)
{
	batch(allocator, "preload", 40000, 1);
	fixture_series(&f, up_then_down, calls);
}

static void test_no_background_thread(void **state)
{
	idle("jemalloc", 0);
	expect_first(&f, "no-background-thread");
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_background_threads, 1);
	expect_first(&f, "live-is-it");
	idle("mimalloc", 0);
	expect_first(&f, "no-background-thread");
	idle("glibc", 0);
	expect_first(&f, "live-is-it");
}

static int64_t waves(int i) { return i / 10 % 2 ? 60 * MIB : MIB; }

static void test_decay_too_slow(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 20000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 9000, fixture_ledger(60, 0, 1));
	fixture_moment(&f, REPORT_AT_LIVE_PEAK, 12000, fixture_ledger(1, 55, 1));
	fixture_moment(&f, REPORT_AT_EXIT, 20000, fixture_ledger(0, 56, 1));
	fixture_series(&f, waves, 10000);
	struct verdict v = fixture_judge(&f);
	const struct verdict_finding *d = find_rule(&v, "decay-too-slow");
	assert_non_null(d);
	assert_int_equal(d->moment, VERDICT_MEAN);
	assert_in_range(d->bytes, 45 * MIB, 56 * MIB);
	assert_non_null(strstr(d->advice, "dirty_decay_ms:1000"));
	assert_null(find_rule(&v, "no-background-thread"));
	verdict_finish(&v);
}

static void test_pinned(void **state)
{
	fixture_init(&f, "glibc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 300, fixture_ledger(60, 0, 1));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(2, 1, 50));
	expect_first(&f, "pinned-by-survivors");
	f.snapshots[1].s.ledger = fixture_ledger(60, 1, 50); /* more live than free beside it */
	struct verdict v = fixture_judge(&f);
	assert_null(find_rule(&v, "pinned-by-survivors"));
	verdict_finish(&v);
}

static void many_arenas(int64_t arenas)
{
	fixture_init(&f, "jemalloc", "behaviour", 1000, 20);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(45, 30, 9));
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_arenas_used, arenas);
}

static void test_arenas(void **state)
{
	many_arenas(8);
	expect_first(&f, "too-many-arenas");
	struct verdict v = fixture_judge(&f);
	assert_int_equal(v.findings[0].moment, VERDICT_PEAK);
	assert_int_equal(v.findings[0].confidence, VERDICT_STRONG);
	assert_int_equal(v.findings[0].saves_bytes, RECORDING_UNKNOWN);
	assert_non_null(strstr(v.findings[0].advice, "narenas:1"));
	verdict_finish(&v);
	many_arenas(2);
	expect_first(&f, "");
	f.in.figures[REPORT_AT_PEAK].time_ns = 0; /* when there were no more than that yet */
	expect_first(&f, "too-many-arenas");
	fixture_setting(&f, "opt.narenas", "1");
	expect_first(&f, "");
	many_arenas(8); /* all of them are at work */
	f.in.cpu_ns = 8 * f.in.run_ns;
	expect_first(&f, "");
}

/* What is dirty at a late peak was live before: no setting takes it off the peak. */
static void test_late_peak(void **state)
{
	many_arenas(8);
	f.model.live_peak_bytes = 83 * MIB;
	expect_first(&f, "live-is-it");
}

static void test_thread_caches(void **state)
{
	fixture_init(&f, "tcmalloc", "preload", 1000, 8);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(20, 20, 0));
	expect_first(&f, "");
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_thread_caches, 18 * MIB);
	expect_first(&f, "thread-caches");
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_thread_caches, MIB);
	expect_first(&f, "");
}

/* glibc counts what its caches hold as in use; a reading of another moment says nothing. */
static void test_glibc_caches(void **state)
{
	fixture_init(&f, "glibc", "preload", 1000, 2);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(20, 20, 0));
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_allocated, 40 * MIB);
	expect_first(&f, ""); /* two caches have no room for 20 MiB: it was freed meanwhile */
	fixture_setting(&f, "GLIBC_TUNABLES", "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=1000");
	expect_first(&f, "thread-caches");
	f.in.figures[REPORT_AT_PEAK].time_ns += 30000000;
	expect_first(&f, "");
}

static void test_rounding(void **state)
{
	fixture_init(&f, "glibc", "preload", 1000, 1);
	struct ledger l = fixture_ledger(30, 0, 0);
	fixture_add(&l, LEDGER_T_rounding, 15);
	fixture_moment(&f, REPORT_AT_PEAK, 900, l);
	expect_first(&f, "size-class-rounding");
	fixture_init(&f, "glibc", "preload", 1000, 1);
	l = fixture_ledger(100, 0, 0);
	fixture_add(&l, LEDGER_T_rounding, 8); /* 11 %: as usual */
	fixture_moment(&f, REPORT_AT_PEAK, 900, l);
	expect_first(&f, "live-is-it");
}

static int64_t spike(int i) { return i >= 40 && i < 60 ? 60 * MIB : 4 * MIB; }
static int64_t late(int i) { return i >= 150 ? 60 * MIB : 4 * MIB; }

static void test_transient(void **state)
{
	fixture_init(&f, "glibc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 250, fixture_ledger(60, 1, 1));
	fixture_series(&f, spike, 10);
	expect_first(&f, "transient-live-peak");
	fixture_series(&f, late, 10); /* it ends at its mark: that is no peak */
	expect_first(&f, "live-is-it");
}

static int64_t ramp(int i) { return (int64_t)i * MIB / 4; }
static int64_t steps(int i) { return i < 150 ? 10 * MIB : 50 * MIB; }
static int64_t settles(int i) { return i < 60 ? i * MIB : 60 * MIB; }

static void growing(int64_t (*live)(int), int64_t cpu_percent)
{
	fixture_init(&f, "glibc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 990, fixture_ledger(50, 0, 0));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(50, 0, 0));
	f.in.cpu_ns = f.in.run_ns / 100 * cpu_percent;
	fixture_series(&f, live, 10);
}

static void test_growth(void **state)
{
	growing(ramp, 5);
	expect_first(&f, "live-growth");
	growing(ramp, 95); /* loads as fast as it can, and frees nothing meanwhile */
	expect_first(&f, "live-is-it");
	for (int i = 0; i < FIXTURE_POINTS; i++)
		f.series[i].allocated_bytes *= 3;
	expect_first(&f, "live-growth"); /* work that comes and goes, and leaves something behind */
	growing(steps, 5);
	expect_first(&f, "live-is-it");
	growing(settles, 5);
	expect_first(&f, "live-is-it");
	growing(ramp, 5); /* all freed at the end: no leak */
	f.model.moments[REPORT_AT_EXIT].snapshot.s.ledger = fixture_ledger(0, 0, 0);
	expect_first(&f, "live-is-it");
}

struct term_case { enum ledger_term term; int64_t mib; const char *rule; };

static void test_terms(void **state)
{
	static const struct term_case cases[] = {
		{ LEDGER_T_huge_fill, 40, "huge-page-fill" },
		{ LEDGER_T_program_mmap, 40, "program-mmap-cache" },
		{ LEDGER_T_file_backed, 40, "file-backed" },
		{ LEDGER_T_stacks, 40, "thread-stacks" },
		{ LEDGER_T_shared_memory, 40, "shared-memory" },
		{ LEDGER_T_huge_fill, 3, "live-is-it" }, { LEDGER_T_program_mmap, 3, "live-is-it" },
		{ LEDGER_T_file_backed, 3, "live-is-it" }, { LEDGER_T_stacks, 3, "live-is-it" },
		{ LEDGER_T_shared_memory, 3, "live-is-it" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fixture_init(&f, "mimalloc", "preload", 1000, 4);
		struct ledger l = fixture_ledger(16, 0, 0);
		fixture_add(&l, cases[i].term, cases[i].mib);
		fixture_moment(&f, REPORT_AT_PEAK, 900, l);
		expect_first(&f, cases[i].rule);
	}
}

static void test_huge_fill_is_what_small_pages_save(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	struct ledger l = fixture_ledger(16, 0, 0);
	fixture_add(&l, LEDGER_T_huge_fill, 40);
	fixture_moment(&f, REPORT_AT_PEAK, 900, l);
	struct verdict v = fixture_judge(&f);
	assert_int_equal(v.findings[0].saves_bytes, 40 * MIB);
	assert_non_null(strstr(v.findings[0].advice, "thp:never"));
	verdict_finish(&v);
}

static void glibc_exit(int64_t free_mib, int64_t top_mib, uint64_t allocations)
{
	batch("glibc", "preload", 1000, 1);
	f.counters.allocations = allocations;
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_free_chunks, free_mib * MIB);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_top_free, top_mib * MIB);
}

static void test_glibc(void **state)
{
	glibc_exit(60, 1, 1000000); /* blocks of 200 bytes */
	expect_first(&f, "top-trapped");
	glibc_exit(60, 50, 1000000); /* free at the top: no trap */
	expect_first(&f, "live-is-it");
	glibc_exit(60, 1, 100); /* blocks of 2 MB, which would be mappings but for the threshold */
	expect_first(&f, "mmap-threshold-raised");
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_mmap_threshold, 131072);
	expect_first(&f, "top-trapped");
	batch("glibc", "preload", 1000, 1); /* glibc said nothing: nothing can be claimed */
	expect_first(&f, "live-is-it");
}

static void test_retained(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	struct ledger l = fixture_ledger(16, 0, 0);
	fixture_moment(&f, REPORT_AT_PEAK, 900, l);
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_retained, 500 * MIB);
	expect_first(&f, "retained-is-not-memory");
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_retained, 10 * MIB);
	expect_first(&f, "live-is-it");
}

/* Tenths and twentieths of nearly nothing are nothing. */
static void test_small_programs_are_not_blamed(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 100, 16);
	struct ledger l = fixture_ledger(1, 2, 1);
	fixture_add(&l, LEDGER_T_huge_fill, 3);
	fixture_add(&l, LEDGER_T_stacks, 3);
	fixture_moment(&f, REPORT_AT_PEAK, 50, l);
	fixture_moment(&f, REPORT_AT_EXIT, 90, fixture_ledger(0, 3, 3));
	expect_first(&f, "");
}

static void test_without_live(void **state)
{
	fixture_init(&f, "jemalloc", "preload", 100, 16);
	fixture_moment(&f, REPORT_AT_PEAK, 50, make_ledger_without_probe(500 * MIB));
	expect_first(&f, "");
	f.in.heap = NULL;
	expect_first(&f, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decay_never_ran), cmocka_unit_test(test_decay_promises_the_purge),
		cmocka_unit_test(test_no_background_thread),
		cmocka_unit_test(test_decay_too_slow), cmocka_unit_test(test_pinned), cmocka_unit_test(test_arenas),
		cmocka_unit_test(test_late_peak), cmocka_unit_test(test_thread_caches),
		cmocka_unit_test(test_glibc_caches), cmocka_unit_test(test_rounding), cmocka_unit_test(test_transient),
		cmocka_unit_test(test_growth), cmocka_unit_test(test_terms),
		cmocka_unit_test(test_huge_fill_is_what_small_pages_save), cmocka_unit_test(test_glibc),
		cmocka_unit_test(test_retained), cmocka_unit_test(test_small_programs_are_not_blamed),
		cmocka_unit_test(test_without_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
