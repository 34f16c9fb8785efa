/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"
#include "recording.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct recording *open_it(const char *path)
{
	struct recording *r;
	char error[256] = "";
	if (recording_open(path, &r, error, sizeof error))
		fail_msg("%s", error);
	return r;
}

static char *report(struct recording *r, struct report_options o)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	o.width = o.width ? o.width : 80;
	o.colour = 0;
	int result = report_print_summary(r, &o, f);
	fclose(f);
	assert_int_equal(result, 0);
	return text;
}

static void compare(const char *golden, struct report_options o)
{
	struct recording *r = open_it(GOLDEN_NAME);
	char *text = report(r, o);
	recording_close(r);
	compare_with_golden(golden, text);
	free(text);
}

static const struct report_options plain = REPORT_OPTIONS_DEFAULT;

static void test_peak(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	compare("report.txt", o);
}

static void test_peak_utf8_wide(void **state)
{
	struct report_options o = plain;
	o.utf8 = 1;
	o.width = 110;
	compare("report-wide.txt", o);
}

static void test_narrow(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	o.width = 50;
	compare("report-narrow.txt", o);
}

static void test_verbose(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	o.verbose = 1;
	compare("report-verbose.txt", o);
}

static void test_exit(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	o.at = REPORT_AT_EXIT;
	compare("report-exit.txt", o);
}

static void test_live_peak(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	o.at = REPORT_AT_LIVE_PEAK;
	compare("report-live-peak.txt", o);
}

static void test_without_probe(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	o.pid = 4712;
	compare("report-no-probe.txt", o);
}

static void test_unreliable(void **state)
{
	struct report_options o = plain;
	o.utf8 = 0;
	o.pid = 4713;
	compare("report-unreliable.txt", o);
}

/* Only who asks for all of it is shown who freed what nobody knows. */
static void test_callers(void **state)
{
	struct recording *r = open_it(GOLDEN_NAME);
	struct report_options o = plain;
	o.pid = 4713;
	o.verbose = 1;
	char *text = report(r, o);
	assert_non_null(strstr(text, "  unknown free by odd+0x1234: 38\n  unknown realloc by ?+0x7f0000001000: 2\n"));
	free(text);
	recording_close(r);
}

/* Not libc's malloc, which the program hardly uses. */
static void test_names_the_linked_allocator(void **state)
{
	struct store *s = make_store("linked.memwhy");
	struct store_process p = make_process(1, 4711, "linked", "/usr/bin/linked");
	strcpy(p.heaps[1].name, "mimalloc");
	p.heaps[1].state = WIRE_HEAP_FOLLOWED;
	p.heaps[1].found = WIRE_FOUND_BEHAVIOUR;
	store_add_process(s, &p);
	struct snapshot n = make_snapshot(100, TRIGGER_EXIT, make_ledger(20 * MIB, 6 * MIB, MIB));
	store_add_snapshot(s, 1, &n);
	free_snapshot(&n);
	close_store(s);
	struct recording *r = open_it("linked.memwhy");
	char *text = report(r, plain);
	assert_non_null(strstr(text, "free, kept by mimalloc"));
	free(text);
	recording_close(r);
}

/* Of two snapshots within 1 % of each other the earlier one is the peak. */
static void test_earliest_peak(void **state)
{
	struct recording *r = open_it(GOLDEN_NAME);
	char *text = report(r, plain);
	assert_non_null(strstr(text, "at the resident peak, 0.30 s in"));
	free(text);
	recording_close(r);
}

static void test_nearest_time(void **state)
{
	struct recording *r = open_it(GOLDEN_NAME);
	struct report_options o = plain;
	o.at = REPORT_AT_TIME;
	o.at_ns = 120000000;
	char *text = report(r, o);
	assert_non_null(strstr(text, "nearest snapshot, 0.10 s in"));
	free(text);
	recording_close(r);
}

static void test_no_such_pid(void **state)
{
	struct recording *r = open_it(GOLDEN_NAME);
	struct report_options o = plain;
	o.pid = 1;
	assert_int_equal(report_print_summary(r, &o, stdout), -ESRCH);
	assert_string_equal(report_error_text(r, -ESRCH), "the recording has no process of that pid");
	recording_close(r);
}

static void test_unfinished(void **state)
{
	make_golden("killed.memwhy", false);
	struct recording *r = open_it("killed.memwhy");
	char *text = report(r, plain);
	assert_non_null(strstr(text, "the recording has no end"));
	assert_non_null(strstr(text, "no end recorded"));
	assert_non_null(strstr(text, "exit: - (it had not ended yet"));
	assert_non_null(strstr(text, "all processes together: - "));
	free(text);
	recording_close(r);
}

/* Nothing but what wait4 said: a figure with its reason, no zero. */
static void test_no_snapshot(void **state)
{
	struct store *s = make_store("short.memwhy");
	struct store_process p = make_process(1, 7, "true", "/bin/true");
	struct store_process_end e = { .id = 1, .end_ns = START_NS + 2000000, .how = STORE_END_EXIT,
		.ru_maxrss_bytes = 2 * MIB, .vm_hwm_bytes = -1, .user_ns = -1, .system_ns = -1,
		.minor_faults = -1, .major_faults = -1 };
	store_add_process(s, &p);
	strcpy(e.probe_state, "ended before the probe could report");
	store_end_process(s, &e);
	store_end_run(s, START_NS + 3000000, 0, 0, 0);
	close_store(s);
	struct recording *r = open_it("short.memwhy");
	char *text = report(r, plain);
	assert_non_null(strstr(text, "resident     2.0 MiB at most"));
	assert_non_null(strstr(text, "the ledger is not known"));
	assert_non_null(strstr(text, "live is unknown: ended before the probe could report"));
	assert_non_null(strstr(text, "VmHWM not known"));
	free(text);
	recording_close(r);
}

static void test_empty_run(void **state)
{
	close_store(make_store("empty.memwhy"));
	struct recording *r = open_it("empty.memwhy");
	assert_int_equal(report_print_summary(r, &plain, stdout), -ENODATA);
	recording_close(r);
}

static void test_summary(void **state)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	assert_int_equal(report_summary(GOLDEN_NAME, f, 0), 0);
	fclose(f);
	assert_non_null(strstr(text, "\nrecording: " GOLDEN_NAME "\n"));
	assert_null(strchr(text, '\033'));
	free(text);
	assert_true(report_summary("missing", stdout, 0) < 0);
}

static void test_parse_time(void **state)
{
	int64_t ns = -7;
	static const struct { const char *text; int64_t ns; } good[] = {
		{ "1.5", 1500000000 }, { "1.5s", 1500000000 }, { "200ms", 200000000 }, { "40us", 40000 },
		{ "3m", 180000000000 }, { "1h", 3600000000000 }, { "0", 0 }, { "9ns", 9 },
	};
	static const char *const bad[] = { "", "s", "1.2.3", "-1", "1x", "inf", "0x10", " 1", "1 s", "1e3",
		"123456789012345678901234567890123456" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(report_parse_time(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	ns = -7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(report_parse_time(bad[i], &ns), -EINVAL);
	assert_int_equal(report_parse_time("99999999999999h", &ns), -ERANGE);
	assert_int_equal(ns, -7);
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peak), cmocka_unit_test(test_peak_utf8_wide), cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_verbose), cmocka_unit_test(test_exit), cmocka_unit_test(test_live_peak),
		cmocka_unit_test(test_without_probe), cmocka_unit_test(test_unreliable),
		cmocka_unit_test(test_callers), cmocka_unit_test(test_names_the_linked_allocator), cmocka_unit_test(test_earliest_peak), cmocka_unit_test(test_nearest_time),
		cmocka_unit_test(test_no_such_pid), cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_no_snapshot), cmocka_unit_test(test_empty_run), cmocka_unit_test(test_summary),
		cmocka_unit_test(test_parse_time),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
