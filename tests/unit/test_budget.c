/* SPDX-License-Identifier: MIT */
/* Limits: what is accepted, and what they say of the golden recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "budget.h"
#include "make_recording.h"

struct fixture { struct recording *r; struct report_model m; };

static int set_up(void **state)
{
	const struct report_options options = REPORT_OPTIONS_DEFAULT;
	struct fixture *f = calloc(1, sizeof *f);
	char error[512];
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	assert_int_equal(recording_open(GOLDEN_NAME, &f->r, error, sizeof error), 0);
	assert_int_equal(report_model_init(&f->m, f->r, &options), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	report_model_finish(&f->m);
	recording_close(f->r);
	free(f);
	leave_temporary_folder();
	return 0;
}

static struct budget_limit limit(const char *text)
{
	struct budget b;
	char error[256];
	if (budget_parse(text, &b, error, sizeof error))
		fail_msg("%s", error);
	assert_int_equal(b.count, 1);
	return b.limits[0];
}

static struct budget_verdict judge(const struct fixture *f, const char *text)
{
	struct budget_limit l = limit(text);
	return budget_judge(&l, &f->m, &f->m);
}

static void test_what_is_refused(void **state)
{
	static const char *const bad[] = {
		"", ",", "rss<1MiB,", "rss", "rss=1MiB", "nothing<1MiB", "rss<", "rss<x", "rss<200", "rss<5%", "rss<3s",
		"wall<3MiB", "rss/wall<2", "rss/live<2MiB", "rss<nan", "rss<inf", "rss<0x10MiB2", "rss<1e999MiB",
		"sometime.rss<1MiB", "exit.wall<1s", "rss<--5%", "rss<+%",
	};
	struct budget b = { .count = 77 };
	char error[256];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		*error = 0;
		if (budget_parse(bad[i], &b, error, sizeof error) == 0)
			fail_msg("\"%s\" was accepted", bad[i]);
		assert_true(*error);
		assert_int_equal(b.count, 77);
	}
}

static void test_what_is_read(void **state)
{
	struct budget_limit l = limit(" exit . retained_dirty <= 1.5 MiB ");
	assert_int_equal(l.left.moment, REPORT_AT_EXIT);
	assert_int_equal(l.left.term, LEDGER_T_retained_dirty);
	assert_int_equal(l.op, BUDGET_LESS_EQUAL);
	assert_true(l.value == 1.5 * 1048576);
	assert_string_equal(l.text, "exit.retained_dirty<=1.5MiB");
	l = limit("live_peak>-3%");
	assert_true(l.is_relative && l.is_percent && l.value == -3);
	assert_int_equal(l.left.special >= 0, 1);
	l = limit("live_peak.dirty<1kB");
	assert_int_equal(l.left.moment, REPORT_AT_LIVE_PEAK);
	assert_true(l.value == 1000);
	l = limit("rss/live<1.6");
	assert_true(l.is_ratio && budget_unit_of(&l) == BUDGET_COUNT);
}

static void test_against_the_report(void **state)
{
	const struct fixture *f = *state;
	const struct ledger *l = &f->m.moments[REPORT_AT_PEAK].snapshot.s.ledger;
	int64_t net = l->bytes[LEDGER_T_rss] - l->bytes[LEDGER_T_probe];
	struct budget_verdict v = judge(f, "peak_rss<1GiB");
	assert_int_equal(v.outcome, BUDGET_KEPT);
	assert_true(v.value == (double)net);
	char text[64];
	snprintf(text, sizeof text, "rss<%lldB", (long long)net);
	assert_int_equal(judge(f, text).outcome, BUDGET_BROKEN);
	snprintf(text, sizeof text, "rss<=%lldB", (long long)net);
	assert_int_equal(judge(f, text).outcome, BUDGET_KEPT);
	v = judge(f, "rss/live>1");
	assert_true(v.value == (double)net / (double)l->bytes[LEDGER_T_live_requested_resident]);
	assert_true(judge(f, "live_peak<1GiB").value == (double)f->m.live_peak_bytes);
	assert_true(judge(f, "exit.dirty<1GiB").value ==
		    (double)f->m.moments[REPORT_AT_EXIT].snapshot.s.ledger.bytes[LEDGER_T_retained_dirty]);
}

static void test_relative_limits(void **state)
{
	const struct fixture *f = *state;
	assert_int_equal(judge(f, "peak_rss<+1%").outcome, BUDGET_KEPT);
	assert_int_equal(judge(f, "peak_rss<-1%").outcome, BUDGET_BROKEN);
	assert_int_equal(judge(f, "peak_rss>-1MiB").outcome, BUDGET_KEPT);
	struct budget_limit l = limit("peak_rss<+1%");
	assert_int_equal(budget_judge(&l, &f->m, NULL).outcome, BUDGET_UNKNOWN);
}

static void test_an_absent_figure_is_not_kept(void **state)
{
	struct fixture *f = *state;
	ledger_set_absent(&f->m.moments[REPORT_AT_PEAK].snapshot.s.ledger, LEDGER_T_rounding);
	struct budget_verdict v = judge(f, "rounding<1GiB");
	assert_int_equal(v.outcome, BUDGET_UNKNOWN);
	assert_non_null(v.why_unknown);
	f->m.moments[REPORT_AT_EXIT].had = false;
	assert_int_equal(judge(f, "exit_rss<1GiB").outcome, BUDGET_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test_setup_teardown(test_against_the_report, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_relative_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_absent_figure_is_not_kept, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
