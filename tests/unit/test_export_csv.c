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

static char *table_of(const char *path, const char *name)
{
	static char *text; /* static, or gcc takes what is returned for an address in here */
	static size_t size;
	FILE *f = open_memstream(&text, &size);
	assert_int_equal(export_csv_table(path, name, f), 0);
	fclose(f);
	return text;
}

static char *table(const char *name)
{
	return table_of(GOLDEN_NAME, name);
}

/* A process with events and with what an allocator said. */
static void make_marked(const char *path)
{
	struct store *s = make_store(path);
	struct store_process p = make_process(1, 4711, "server", "/usr/bin/server");
	const struct store_cell figures[] = {
		store_time(START_NS + 9000000), store_integer(0), store_integer(-1), store_text("dirty"), store_integer(4096),
		store_time(START_NS + 9000000), store_integer(0), store_integer(3), store_text("dirty_decay"), store_integer(-1),
	};
	const struct store_cell setting[] = { store_integer(0), store_text("opt.thp"), store_text("always") };
	const struct store_cell readings[] = {
		store_time(START_NS + 9000000), store_integer(0), store_integer(1500), store_text("ok"), store_integer(2),
		store_time(START_NS + 9500000), store_integer(0), store_null(), store_text("not-safe"), store_integer(3),
	};
	const struct store_cell purges[] = {
		store_time(START_NS + 9600000), store_text("ctl"), store_text("ok"), store_integer(1), store_integer(5000),
		store_integer(74000000), store_integer(21000000), store_time(START_NS + 9590000), store_time(START_NS + 9610000),
		store_time(START_NS + 9900000), store_text("exit"), store_text("none"), store_null(), store_null(),
		store_null(), store_null(), store_null(), store_null(),
	};
	store_add_process(s, &p);
	store_add_event(s, 1, START_NS + 7000000, "map", 0x10000, 4194304, 1, NULL);
	store_add_event(s, 1, START_NS + 8000000, "mark", 0, 0, 0, "fill, then \"delete\"");
	store_add_rows(s, 1, TABLE_FIGURE, figures, 2);
	store_add_rows(s, 1, TABLE_SETTING, setting, 1);
	store_add_rows(s, 1, TABLE_READING, readings, 2);
	store_add_rows(s, 1, TABLE_PURGE, purges, 2);
	close_store(s);
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

/* A mark's text is quoted as CSV wants it. */
static void test_events(void **state)
{
	make_marked("marked.memwhy");
	char *text = table_of("marked.memwhy", "events");
	assert_string_equal(text, "time_ns,pid,kind,address,length,arg,text\r\n"
			    "7000000,4711,map,0x10000,4194304,1,\r\n"
			    "8000000,4711,mark,0x0,0,0,\"fill, then \"\"delete\"\"\"\r\n");
	free(text);
}

static void test_what_allocators_say(void **state)
{
	char *text = table_of("marked.memwhy", "figures");
	assert_string_equal(text, "time_ns,pid,heap,arena,figure,unit,value\r\n"
			    "9000000,4711,0,,dirty,bytes,4096\r\n9000000,4711,0,3,dirty_decay,ms,-1\r\n");
	free(text);
	text = table_of("marked.memwhy", "settings");
	assert_string_equal(text, "pid,heap,setting,value\r\n4711,0,opt.thp,always\r\n");
	free(text);
	text = table_of("marked.memwhy", "readings");
	assert_string_equal(text, "time_ns,pid,heap,took_ns,result,not_safe\r\n9000000,4711,0,1500,ok,2\r\n"
			    "9500000,4711,0,,not-safe,3\r\n");
	free(text);
	text = table_of("marked.memwhy", "purges");
	assert_string_equal(text, "time_ns,pid,reason,result,heaps,took_ns,rss_before_bytes,rss_after_bytes,before_ns,after_ns\r\n"
			    "9600000,4711,ctl,ok,1,5000,74000000,21000000,9590000,9610000\r\n"
			    "9900000,4711,exit,none,0,,,,,\r\n");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_ledger), cmocka_unit_test(test_processes),
		cmocka_unit_test(test_mappings), cmocka_unit_test(test_default_is_samples),
		cmocka_unit_test(test_header), cmocka_unit_test(test_shape), cmocka_unit_test(test_absent_is_empty),
		cmocka_unit_test(test_events), cmocka_unit_test(test_what_allocators_say),
		cmocka_unit_test(test_no_such_table), cmocka_unit_test(test_full_disk), cmocka_unit_test(test_formats),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
