/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "ledger.h"

static void test_close_makes_the_sum_exact(void **state)
{
	struct ledger l = { 0 };
	l.bytes[LEDGER_T_rss] = 1000;
	l.bytes[LEDGER_T_stacks] = 300;
	l.bytes[LEDGER_T_file_backed] = 500;
	l.bytes[LEDGER_T_swap] = 12345; /* beside: in no sum */
	assert_false(ledger_is_balanced(&l));
	ledger_close(&l);
	assert_int_equal(l.bytes[LEDGER_T_unexplained], 200);
	assert_true(ledger_is_balanced(&l));
	l.bytes[LEDGER_T_stacks] = 900;
	ledger_close(&l);
	assert_int_equal(l.bytes[LEDGER_T_unexplained], -400);
	assert_true(ledger_is_balanced(&l));
}

static void test_live_must_add_up(void **state)
{
	struct ledger l = { 0 };
	l.bytes[LEDGER_T_rss] = 100;
	l.bytes[LEDGER_T_live_requested_resident] = 60;
	l.bytes[LEDGER_T_live_untouched] = 30;
	l.bytes[LEDGER_T_live_swapped] = 10;
	l.bytes[LEDGER_T_live_requested] = 100;
	ledger_close(&l);
	assert_true(ledger_is_balanced(&l));
	l.bytes[LEDGER_T_live_requested] = 101;
	assert_false(ledger_is_balanced(&l));
	ledger_set_absent(&l, LEDGER_T_live_requested);
	assert_true(ledger_is_balanced(&l));
}

static void test_absent_terms_are_zero_in_the_sum(void **state)
{
	struct ledger l = { 0 };
	l.bytes[LEDGER_T_rss] = 4096;
	l.bytes[LEDGER_T_retained_dirty] = 4096;
	ledger_set_absent(&l, LEDGER_T_retained_dirty);
	ledger_close(&l);
	assert_false(ledger_has(&l, LEDGER_T_retained_dirty));
	assert_true(ledger_has(&l, LEDGER_T_stacks));
	assert_int_equal(l.bytes[LEDGER_T_unexplained], 4096);
	assert_true(ledger_is_balanced(&l));
}

/* Pages out of reach: live bytes are known, where they lie is not. */
static void test_live_without_pages_is_balanced(void **state)
{
	struct ledger l = { 0 };
	l.bytes[LEDGER_T_rss] = 4096;
	l.bytes[LEDGER_T_live_requested] = 1000;
	ledger_set_absent(&l, LEDGER_T_live_requested_resident);
	ledger_close(&l);
	assert_true(ledger_is_balanced(&l));
}

static void test_names(void **state)
{
	assert_int_equal(ledger_term_by_name("rss"), LEDGER_T_rss);
	assert_int_equal(ledger_term_by_name("rss_bytes"), LEDGER_T_rss);
	assert_int_equal(ledger_term_by_name("live_requested"), LEDGER_T_live_requested);
	assert_int_equal(ledger_term_by_name("live_requested_resident_bytes"), LEDGER_T_live_requested_resident);
	assert_int_equal(ledger_term_by_name("_bytes"), -1);
	assert_int_equal(ledger_term_by_name(""), -1);
	assert_int_equal(ledger_term_by_name("rs"), -1);
	for (int t = 0; t < LEDGER_TERMS; t++)
		assert_int_equal(ledger_term_by_name(ledger_term_infos[t].name), t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close_makes_the_sum_exact), cmocka_unit_test(test_live_must_add_up),
		cmocka_unit_test(test_absent_terms_are_zero_in_the_sum),
		cmocka_unit_test(test_live_without_pages_is_balanced), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
