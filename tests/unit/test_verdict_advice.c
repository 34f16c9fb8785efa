/* SPDX-License-Identifier: MIT */
/* What the rules advise, in the words of the allocator that is there, and what they promise. */
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

static void expect_advice(const char *rule, const char *words)
{
	struct verdict v = fixture_judge(&f);
	const struct verdict_finding *found = find_rule(&v, rule);
	assert_non_null(found);
	if (!strstr(found->advice, words))
		fail_msg("\"%s\" lacks \"%s\"", found->advice, words);
	verdict_finish(&v);
}

/* What the purge left in caches is no decay's affair. */
static void test_decay_explains_what_a_purge_gives(void **state)
{
	batch("tcmalloc", "preload", 1000, 8);
	fixture_purge(&f, 63, 33);
	struct verdict v = fixture_judge(&f);
	assert_int_equal(find_rule(&v, "decay-never-ran")->bytes, 30 * MIB);
	verdict_finish(&v);
	fixture_purge(&f, 63, 62);
	v = fixture_judge(&f);
	assert_null(find_rule(&v, "decay-never-ran"));
	verdict_finish(&v);
}

/* The words that the release that is there accepts, and what measured as no help isn't named. */
static void test_advice_by_release(void **state)
{
	batch("mimalloc", "preload", 10, 1);
	f.heap.version = "2.0.9";
	expect_advice("decay-never-ran", "MIMALLOC_DECOMMIT_DELAY=0 ");
	f.heap.version = "2.1.7";
	expect_advice("decay-never-ran", "MIMALLOC_PURGE_DELAY=0 ");
	batch("tcmalloc", "preload", 1000, 1);
	expect_advice("decay-never-ran", "TCMALLOC_AGGRESSIVE_DECOMMIT=t gives");
	fixture_setting(&f, "tcmalloc.aggressive_memory_decommit", "1");
	expect_first(&f, "live-is-it"); /* it is set: what is left is not decay's */
}

/* One variable holds all of glibc's tunables: the others stay. */
static void test_tunables_are_kept(void **state)
{
	fixture_init(&f, "glibc", "preload", 1000, 2);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(20, 20, 0));
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_allocated, 40 * MIB);
	fixture_setting(&f, "GLIBC_TUNABLES", "glibc.malloc.tcache_count=1000:glibc.malloc.arena_max=1");
	expect_advice("thread-caches", "GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0 ");
}

/* What is freed of pinned pages is dirty first: the saving is known where that goes in time. */
static void test_pinned_saves(void **state)
{
	static const struct { const char *allocator, *decay_ms; int64_t saves; } cases[] = {
		{ "glibc", NULL, 50 * MIB }, { "jemalloc", NULL, RECORDING_UNKNOWN }, { "jemalloc", "0", 50 * MIB },
		{ "jemalloc", "-1", RECORDING_UNKNOWN }, { "mimalloc", NULL, 50 * MIB },
		{ "tcmalloc", NULL, RECORDING_UNKNOWN },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fixture_init(&f, cases[i].allocator, "preload", 1000, 1);
		fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(2, 1, 50));
		if (cases[i].decay_ms)
			fixture_setting(&f, "opt.dirty_decay_ms", cases[i].decay_ms);
		struct verdict v = fixture_judge(&f);
		const struct verdict_finding *p = find_rule(&v, "pinned-by-survivors");
		assert_non_null(p);
		assert_int_equal(p->saves_bytes, cases[i].saves);
		assert_int_equal(p->who, VERDICT_WHO_PINNED);
		assert_int_equal(p->who_ns, SECOND);
		verdict_finish(&v);
	}
}

/* A little more at the exit does not make it the exit's affair. */
static void test_thread_caches_of_the_peak(void **state)
{
	fixture_init(&f, "tcmalloc", "preload", 1000, 8);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(5, 50, 0));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(1, 54, 0));
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_thread_caches, 44 * MIB);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_thread_caches, 45 * MIB);
	expect_first(&f, "thread-caches");
	fixture_figure(&f, REPORT_AT_PEAK, WIRE_FIGURE_thread_caches, 5 * MIB);
	struct verdict v = fixture_judge(&f);
	assert_int_equal(find_rule(&v, "thread-caches")->moment, VERDICT_EXIT);
	verdict_finish(&v);
}

/* A linked jemalloc may go by either name; both are given. */
static void test_linked_names(void **state)
{
	batch("jemalloc", "behaviour", 1000, 1);
	struct verdict v = fixture_judge(&f);
	assert_non_null(strstr(v.findings[0].advice, "_RJEM_MALLOC_CONF=dirty_decay_ms:0"));
	assert_non_null(strstr(v.findings[0].advice, "(MALLOC_CONF, if it was built"));
	verdict_finish(&v);
}

/* What a thread's cache holds is in use for glibc: it may be what holds the top. */
static void test_trapped_by_a_cache(void **state)
{
	batch("glibc", "preload", 1000, 1);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_free_chunks, 60 * MIB);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_top_free, MIB);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_allocated, 0);
	struct verdict v = fixture_judge(&f);
	assert_null(strstr(find_rule(&v, "top-trapped")->advice, "tcache"));
	verdict_finish(&v);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_allocated, 4096); /* the program holds nothing */
	expect_advice("top-trapped", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0");
}

/* A purge that leaves half of it says that the heap doesn't keep that half. */
static void test_trapped_is_what_a_purge_gives(void **state)
{
	batch("glibc", "preload", 1000, 1);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_free_chunks, 60 * MIB);
	fixture_figure(&f, REPORT_AT_EXIT, WIRE_FIGURE_top_free, MIB);
	fixture_purge(&f, 63, 33);
	struct verdict v = fixture_judge(&f);
	assert_int_equal(find_rule(&v, "top-trapped")->bytes, 30 * MIB);
	verdict_finish(&v);
}

/* Free pages beyond the largest live set: then decay lowers the peak as well. */
static void test_decay_and_the_peak(void **state)
{
	batch("jemalloc", "preload", 1000, 1);
	expect_advice("decay-never-ran", "hardly the peak");
	fixture_init(&f, "jemalloc", "preload", 1000, 1);
	fixture_moment(&f, REPORT_AT_PEAK, 900, fixture_ledger(15, 28, 1));
	fixture_moment(&f, REPORT_AT_EXIT, 1000, fixture_ledger(0, 31, 1));
	expect_advice("decay-never-ran", "and the peak by about 29.0 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decay_explains_what_a_purge_gives),
		cmocka_unit_test(test_advice_by_release),
		cmocka_unit_test(test_tunables_are_kept),
		cmocka_unit_test(test_pinned_saves),
		cmocka_unit_test(test_thread_caches_of_the_peak),
		cmocka_unit_test(test_linked_names),
		cmocka_unit_test(test_trapped_by_a_cache),
		cmocka_unit_test(test_trapped_is_what_a_purge_gives),
		cmocka_unit_test(test_decay_and_the_peak),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
