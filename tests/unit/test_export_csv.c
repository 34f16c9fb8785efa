/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "export/export.h"
#include "make_recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *table(const char *name)
{
	static char *text; /* static, or gcc takes what is returned for an address in here */
	static size_t size;
	FILE *f = open_memstream(&text, &size);
	assert_int_equal(export_csv_table(GOLDEN_NAME, name, f), 0);
	fclose(f);
	return text;
}

static void compare(const char *name, const char *golden)
{
	char *text = table(name);
	compare_with_golden(golden, text);
	free(text);
}

static void test_samples(void **state)
{
	compare("samples", "samples.csv");
}

static void test_ledger(void **state)
{
	compare("ledger", "ledger.csv");
}

static void test_processes(void **state)
{
	compare("processes", "processes.csv");
}

static void test_mappings(void **state)
{
	compare("mappings", "mappings.csv");
}

static void test_default_is_samples(void **state)
{
	char *a = table(NULL), *b = table("samples");
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static void test_header(void **state)
{
	static const char expected[] = "time_ns,pid,trigger"
#define TERM(name, kind, label, ret, meaning) "," #name "_bytes"
#include "ledger_terms.def"
#undef TERM
		",allocations,frees,unknown_frees,unknown_reallocs,double_allocations\r\n";
	char *text = table("samples");
	assert_memory_equal(text, expected, sizeof expected - 1);
	free(text);
}

/* Each line has as many fields as the header, and times never go back. */
static void test_shape(void **state)
{
	char *text = table("samples"), *rest;
	long long before = 0;
	int rows = 0, fields = 3 + LEDGER_TERMS + 5;
	for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
		int commas = 0;
		for (const char *s = line; *s; s++)
			commas += *s == ',';
		assert_int_equal(commas, fields - 1);
		if (rows++) {
			assert_true(atoll(line) >= before);
			before = atoll(line);
		}
	}
	assert_int_equal(rows, 1 + 5 + 1 + 7);
	free(text);
}

/* A process without a probe has empty fields, no zeros. */
static void test_absent_is_empty(void **state)
{
	char *text = table("samples"), *line = strstr(text, "\n50000000,4712,sample,11534336,,,");
	assert_non_null(line);
	assert_non_null(strstr(line, ",,,,,\r\n"));
	free(text);
}

static void test_no_such_table(void **state)
{
	assert_int_equal(export_csv_table(GOLDEN_NAME, "nonsense", stdout), -EINVAL);
	assert_true(export_csv_table("missing", NULL, stdout) < 0);
}

static void test_full_disk(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	assert_int_equal(export_csv_table(GOLDEN_NAME, NULL, full), -ENOSPC);
	fclose(full);
}

static void test_formats(void **state)
{
	assert_ptr_equal(export_format_by_name("csv"), &export_csv);
	assert_null(export_format_by_name("xml"));
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	return 0;
}

static int tear_down(void **state)
{
	leave_temporary_folder();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_ledger), cmocka_unit_test(test_processes),
		cmocka_unit_test(test_mappings), cmocka_unit_test(test_default_is_samples),
		cmocka_unit_test(test_header), cmocka_unit_test(test_shape), cmocka_unit_test(test_absent_is_empty),
		cmocka_unit_test(test_no_such_table), cmocka_unit_test(test_full_disk), cmocka_unit_test(test_formats),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
