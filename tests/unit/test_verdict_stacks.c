/* SPDX-License-Identifier: MIT */
/* Who holds what a finding is about: named out of make_stacks.c's figures, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_stacks.h"
#include "verdict_stacks.h"
#include "verdict_words.h"

#include <string.h>

#define PEAK_NS INT64_C(300000000)
#define EMPTY_NAME "empty.memwhy"

static struct verdict_finding findings[2];
static struct verdict v;

static void ask(enum verdict_who who, int64_t bytes)
{
	memset(findings, 0, sizeof findings);
	findings[0] = (struct verdict_finding){ .who = who, .who_ns = PEAK_NS, .bytes = bytes };
	v = (struct verdict){ .findings = findings, .finding_count = 2 }; /* the second asks for nobody */
}

static void name_them(const char *path)
{
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	struct report_model m;
	struct recording *r;
	char error[256] = "";
	if (recording_open(path, &r, error, sizeof error))
		fail_msg("%s", error);
	assert_int_equal(report_model_init(&m, r, &o), 0);
	assert_int_equal(verdict_name_holders(r, &m, &v), 0);
	assert_int_equal(findings[1].holder_count, 0);
	report_model_finish(&m);
	recording_close(r);
}

static void expect_text(const char *expected)
{
	char text[VERDICT_HOLDERS_TEXT];
	verdict_holders_text(&findings[0], text);
	assert_string_equal(text, expected);
}

/* Allocator shims are passed over, what has less than a tenth isn't named. */
static void test_pinned(void **state)
{
	ask(VERDICT_WHO_PINNED, 5 * MIB);
	name_them(STACKS_NAME);
	assert_true(v.has_stacks);
	assert_int_equal(findings[0].holder_count, 1);
	assert_string_equal(findings[0].holders[0].function, "[libx.so+0x66]");
	assert_int_equal(findings[0].holders[0].bytes, 5000 * 1024);
	assert_int_equal(findings[0].holders[0].live_bytes, 3000 * 1024);
	assert_int_equal(findings[0].holders[0].error_bytes, RECORDING_UNKNOWN);
	expect_text("2.9 MiB of [libx.so+0x66] survivors pin 4.9 MiB");
}

static void test_live_and_rounding(void **state)
{
	ask(VERDICT_WHO_LIVE, 10000 * 1024);
	name_them(STACKS_NAME);
	expect_text("intern holds 5.9 MiB of live data; [libx.so+0x66] 2.9 MiB");
	ask(VERDICT_WHO_ROUNDING, 159 * 1024);
	name_them(STACKS_NAME);
	expect_text("5.9 MiB of intern cost another 100.0 KiB; 2.9 MiB of [libx.so+0x66] 50.0 KiB");
}

/* Estimates say how far they may be off. */
static void test_sampled(void **state)
{
	const struct make_stacks how = { .sampled = true, .scale = 1024 };
	make_stacks("sampled.memwhy", &how);
	ask(VERDICT_WHO_PINNED, 5 * MIB);
	name_them("sampled.memwhy");
	assert_int_equal(findings[0].holders[0].error_bytes, 400 * 1024);
	expect_text("2.9 MiB of [libx.so+0x66] survivors pin 4.9 MiB +- 0.4 MiB");
}

/* Stacks that sum to less than half of what is claimed are of another state of the heap. */
static void test_of_another_state(void **state)
{
	ask(VERDICT_WHO_PINNED, 40 * MIB);
	name_them(STACKS_NAME);
	assert_true(v.has_stacks);
	assert_int_equal(findings[0].holder_count, 0);
	expect_text("");
}

static void test_no_stacks(void **state)
{
	struct store *s = make_store(EMPTY_NAME);
	struct store_process p = make_process(1, 7, "x", "/bin/x");
	store_add_process(s, &p);
	close_store(s);
	ask(VERDICT_WHO_PINNED, 5 * MIB);
	name_them(EMPTY_NAME);
	assert_false(v.has_stacks);
	assert_int_equal(findings[0].holder_count, 0);
}

static int set_up(void **state)
{
	const struct make_stacks how = { .scale = 1024 };
	enter_temporary_folder();
	make_stacks(STACKS_NAME, &how);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pinned), cmocka_unit_test(test_live_and_rounding), cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_of_another_state), cmocka_unit_test(test_no_stacks),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
