/* SPDX-License-Identifier: MIT */
/* The figures are those of real runs (jemalloc 5.3, glibc 2.36, gperftools 2.10) and the
 * ledgers those of snapshots at the same moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ledger ledger;
static struct reconcile_input in;
static struct reconcile_line lines[RECONCILE_LINES_MAX];

static void begin(const char *allocator, int64_t live, int64_t rounding, int64_t fragmentation, int64_t dirty, int64_t metadata)
{
	memset(&ledger, 0, sizeof ledger);
	ledger.bytes[LEDGER_T_live_requested] = ledger.bytes[LEDGER_T_live_requested_resident] = live;
	ledger.bytes[LEDGER_T_rounding] = rounding;
	ledger.bytes[LEDGER_T_fragmentation] = fragmentation;
	ledger.bytes[LEDGER_T_retained_dirty] = dirty;
	ledger.bytes[LEDGER_T_allocator_metadata] = metadata;
	ledger.bytes[LEDGER_T_rss] = live + rounding + fragmentation + dirty + metadata;
	memset(&in, 0, sizeof in);
	in.allocator = allocator;
	in.ledger = &ledger;
	in.alone = true;
	in.threads = 2;
}

static void say(enum wire_figure figure, int64_t value)
{
	in.has |= UINT64_C(1) << figure;
	in.values[figure] = value;
}

static const struct reconcile_line *line(const char *figure)
{
	size_t n = reconcile(&in, lines);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(lines[i].figure, figure))
			return &lines[i];
	fail_msg("no line for %s", figure);
	return NULL;
}

/* What every line must hold. */
static void check_all(size_t expected, size_t expected_unexplained)
{
	size_t n = reconcile(&in, lines), unexplained = 0;
	assert_int_equal(n, expected);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(lines[i].difference_bytes, lines[i].figure_bytes - lines[i].ledger_bytes);
		assert_int_equal(lines[i].explained, strcmp(lines[i].explanation, "unexplained") != 0);
		unexplained += !lines[i].explained;
	}
	assert_int_equal(unexplained, expected_unexplained);
}

static void real_jemalloc(void)
{
	begin("jemalloc", 26327602, 1799510, 22231288, 48615424, 1425408);
	ledger.bytes[LEDGER_T_live_requested_resident] = 26255794;
	ledger.bytes[LEDGER_T_live_untouched] = 71808;
	say(WIRE_FIGURE_allocated, 30851488);
	say(WIRE_FIGURE_thread_caches, 1752152);
	say(WIRE_FIGURE_active, 57430016);
	say(WIRE_FIGURE_dirty, 46600192);
	say(WIRE_FIGURE_muzzy, 0);
	say(WIRE_FIGURE_metadata, 5627536);
	say(WIRE_FIGURE_resident, 109641728);
	say(WIRE_FIGURE_slab_free, 24804960);
}

static void test_jemalloc(void **state)
{
	real_jemalloc();
	check_all(6, 0);
	const struct reconcile_line *l = line("allocated - thread_caches");
	assert_string_equal(l->sum, "live_requested + rounding");
	assert_int_equal(l->figure_bytes, 30851488 - 1752152);
	assert_int_equal(l->ledger_bytes, 26327602 + 1799510);
	assert_non_null(strstr(l->explanation, "untouched ends"));
	l = line("dirty");
	assert_int_equal(l->difference_bytes, 46600192 - 48615424);
	assert_non_null(strstr(l->explanation, "slabs"));
	assert_string_equal(line("muzzy")->explanation, "");
}

/* Without statistics three figures are left, and the dirty ones are still explained. */
static void test_jemalloc_without_statistics(void **state)
{
	real_jemalloc();
	in.has = 1u << WIRE_FIGURE_active | 1u << WIRE_FIGURE_dirty | 1u << WIRE_FIGURE_muzzy;
	check_all(3, 0);
	assert_non_null(strstr(line("dirty")->explanation, "slabs"));
}

/* More than the reason can be. */
static void test_too_much_is_unexplained(void **state)
{
	real_jemalloc();
	say(WIRE_FIGURE_allocated, 30851488 + 10000000);
	assert_false(line("allocated - thread_caches")->explained);
	real_jemalloc();
	say(WIRE_FIGURE_allocated, 30851488 - 4000000); /* there is no reason for less */
	assert_string_equal(line("allocated - thread_caches")->explanation, "unexplained");
	real_jemalloc();
	say(WIRE_FIGURE_slab_free, 100000);
	say(WIRE_FIGURE_thread_caches, 100000);
	assert_false(line("dirty")->explained);
}

/* Where other heaps have their share, a smaller figure says nothing. */
static void test_not_alone(void **state)
{
	real_jemalloc();
	say(WIRE_FIGURE_allocated, 10000000);
	in.alone = false;
	assert_true(line("allocated - thread_caches")->explained);
	assert_non_null(strstr(line("allocated - thread_caches")->explanation, "other allocators"));
}

static void test_small_is_equal(void **state)
{
	begin("jemalloc", 100 << 20, 1 << 20, 0, 0, 0);
	say(WIRE_FIGURE_allocated, (101 << 20) + (500 << 10));
	assert_string_equal(line("allocated")->explanation, ""); /* 0.49 %, and no thread caches are known */
	say(WIRE_FIGURE_allocated, (101 << 20) + (530 << 10));
	assert_string_equal(line("allocated")->explanation, "unexplained");
}

static void test_glibc(void **state)
{
	begin("glibc", 26254866, 1036878, 31743904, 42311680, 0);
	say(WIRE_FIGURE_allocated, 25066944 + 2314240);
	say(WIRE_FIGURE_mapped, 99164160 + 2314240);
	say(WIRE_FIGURE_free_chunks, 74097216);
	say(WIRE_FIGURE_top_free, 131376);
	check_all(4, 0);
	assert_string_equal(line("free_chunks")->explanation, "");
	begin("glibc", 7992436, 242284, 28285216, 64827392, 0);
	say(WIRE_FIGURE_allocated, 6039888 + 2314240);
	say(WIRE_FIGURE_mapped, 99164160 + 2314240);
	check_all(2, 0);
	assert_non_null(strstr(line("allocated")->explanation, "tcache"));
	say(WIRE_FIGURE_allocated, 6039888 + 2314240 + 2000000);
	assert_false(line("allocated")->explained);
}

static void test_tcmalloc(void **state)
{
	begin("tcmalloc", 26327626, 1807750, 16227376, 46243840, 2564096);
	say(WIRE_FIGURE_allocated, 28169168);
	say(WIRE_FIGURE_mapped, 91783168);
	say(WIRE_FIGURE_page_heap_free, 31252480);
	say(WIRE_FIGURE_page_heap_unmapped, 0);
	say(WIRE_FIGURE_thread_caches, 3645536);
	say(WIRE_FIGURE_central_caches, 21295568 + 7420416);
	check_all(4, 0);
	assert_string_equal(line("allocated")->explanation, "");
	assert_non_null(strstr(line("page_heap_free")->explanation, "caches hold"));
}

static void test_unknown(void **state)
{
	real_jemalloc();
	in.allocator = "brk";
	check_all(0, 0);
	real_jemalloc();
	in.has = 0;
	check_all(0, 0);
	real_jemalloc();
	ledger_set_absent(&ledger, LEDGER_T_live_requested);
	for (size_t i = 0, n = reconcile(&in, lines); i < n; i++)
		assert_null(strstr(lines[i].sum, "live_requested +"));
}

/* tbl's marks around a text that is wrapped. */
static void unwrap(char *page, const char *mark, size_t size)
{
	for (char *at = page; (at = strstr(at, mark)); )
		memmove(at, at + size, strlen(at + size) + 1);
}

/* The manual's table has each rule, word for word. */
static void test_manual(void **state)
{
	static char page[1 << 16];
	char path[4096], figure[64], sum[128], row[256];
	const char *source = getenv("srcdir"), *allocator;
	snprintf(path, sizeof path, "%s/man/memwhy-ledger.7", source ? source : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = 0;
	for (int c = fgetc(f); c != EOF && n + 1 < sizeof page; c = fgetc(f))
		if (c != '\\')
			page[n++] = (char)c;
	fclose(f);
	unwrap(page, "T{\n", 3);
	unwrap(page, "\nT}", 3);
	size_t rules = 0;
	for (; reconcile_rule_words(rules, &allocator, figure, sum); rules++) {
		snprintf(row, sizeof row, "\n%s|%s|%s\n", allocator, figure, sum);
		if (!strstr(page, row))
			fail_msg("memwhy-ledger.7 has no row \"%s|%s|%s\"", allocator, figure, sum);
	}
	assert_int_equal(rules, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jemalloc), cmocka_unit_test(test_jemalloc_without_statistics),
		cmocka_unit_test(test_too_much_is_unexplained), cmocka_unit_test(test_not_alone),
		cmocka_unit_test(test_small_is_equal), cmocka_unit_test(test_glibc), cmocka_unit_test(test_tcmalloc),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
