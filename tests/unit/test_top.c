/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "command.h"
#include "make_stacks.h"
#include "top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS { .bare = true, .width = 80, .utf8 = 0 }

typedef int print_fn(const struct stack_model *m, const struct top_options *options, FILE *out);

static char *print(const char *path, enum stack_by by, enum report_moment at, const struct top_options *o,
		   const char *filter, print_fn *fn)
{
	static char *text; /* static, or gcc takes what is returned for an address in here */
	static size_t size;
	struct stack_query q = STACK_QUERY_DEFAULT;
	struct stack_labels names = { 0 };
	struct stack_model m;
	struct recording *r;
	char error[256];
	q.by = by;
	q.report.at = at;
	assert_int_equal(recording_open(path, &r, error, sizeof error), 0);
	assert_int_equal(stack_model_init(&m, r, &q, &names), 0);
	assert_int_equal(stack_model_mark(&m, filter, NULL, error, sizeof error), 0);
	FILE *f = open_memstream(&text, &size);
	assert_int_equal(fn(&m, o, f), 0);
	fclose(f);
	stack_model_finish(&m);
	stack_labels_finish(&names);
	recording_close(r);
	return text;
}

static size_t characters(const char *line, size_t bytes)
{
	size_t n = 0;
	for (size_t i = 0; i < bytes; i++)
		n += (line[i] & 0xc0) != 0x80;
	return n;
}

static void check_width(const char *text, size_t width)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		if (characters(text, (size_t)(end - text)) > width)
			fail_msg("too wide: %.*s", (int)(end - text), text);
	assert_string_equal(text, "");
}

static void golden(const char *path, enum stack_by by, const struct top_options *o, const char *name)
{
	char *text = print(path, by, REPORT_AT_PEAK, o, NULL, strstr(name, ".json") ? top_print_json : top_print_text);
	if (!strstr(name, ".json"))
		check_width(text, 80);
	compare_with_golden(name, text);
	free(text);
}

static void test_table(void **state)
{
	golden(STACKS_NAME, STACK_BY_LIVE, &(struct top_options)OPTIONS, "top.txt");
}

static void test_sampled_pinned(void **state)
{
	golden("sampled.memwhy", STACK_BY_PINNED, &(struct top_options)OPTIONS, "top-pinned.txt");
}

static void test_total(void **state)
{
	struct top_options o = OPTIONS;
	o.group = STACK_GROUP_MODULE;
	golden(STACKS_NAME, STACK_BY_TOTAL, &o, "top-total.txt");
}

static void test_stacks(void **state)
{
	struct top_options o = OPTIONS;
	o.group = STACK_GROUP_STACK;
	golden(STACKS_NAME, STACK_BY_LIVE, &o, "top-stack.txt");
}

static void test_trees(void **state)
{
	struct top_options o = OPTIONS;
	o.tree = TOP_CALLEES;
	golden(STACKS_NAME, STACK_BY_LIVE, &o, "top-callees.txt");
	o.tree = TOP_CALLERS;
	o.depth = 2;
	golden(STACKS_NAME, STACK_BY_DIRTY, &o, "top-callers.txt");
}

static void test_json(void **state)
{
	struct top_options o = OPTIONS;
	golden("sampled.memwhy", STACK_BY_LIVE, &o, "top.json");
}

static void test_filter(void **state)
{
	char *text = print(STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK, &(struct top_options)OPTIONS, "^libx", top_print_text);
	assert_non_null(strstr(text, "[libx.so+0x66]"));
	assert_null(strstr(text, "intern"));
	assert_non_null(strstr(text, "2.9 MiB  30.0%")); /* the share is of everything */
	free(text);
}

static void test_no_hide_and_lines(void **state)
{
	struct top_options o = OPTIONS;
	o.bare = false;
	o.lines = 1;
	char *text = print(STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK, &o, NULL, top_print_text);
	assert_non_null(strstr(text, "operator new(unsigned long)\n"));
	assert_non_null(strstr(text, "(2 more)"));
	free(text);
}

static void test_moment_is_said(void **state)
{
	char *text = print(STACKS_NAME, STACK_BY_LIVE, REPORT_AT_EXIT, &(struct top_options)OPTIONS, NULL, top_print_text);
	assert_non_null(strstr(text, "near the exit, 0.30 s in"));
	free(text);
	text = print(STACKS_NAME, STACK_BY_PEAK, REPORT_AT_PEAK, &(struct top_options)OPTIONS, NULL, top_print_text);
	assert_non_null(strstr(text, "at the live peak, 0.25 s in\n19.5 MiB"));
	free(text);
}

/* Wherever it is narrow, and whatever the name is. */
static void test_widths(void **state)
{
	char name[3000];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	memcpy(name, "a::b(\033[31m", 10);
	make_stacks("long.memwhy", &(struct make_stacks){ .scale = 1024, .sampled = true, .extra = name });
	for (int width = 40; width <= 160; width += 20) {
		struct top_options o = OPTIONS;
		o.width = width;
		char *text = print("long.memwhy", STACK_BY_LIVE, REPORT_AT_PEAK, &o, NULL, top_print_text);
		if (width >= 80) /* the heading alone needs 80 */
			check_width(text, (size_t)width);
		assert_null(strchr(text, '\033'));
		free(text);
	}
}

static void check_name(const char *name, size_t max, const char *expected)
{
	char text[200] = "";
	FILE *f = fmemopen(text, sizeof text, "w");
	assert_int_equal(top_print_name(f, name, max, 1), strlen(expected));
	fclose(f);
	assert_string_equal(text, expected);
}

static void test_names(void **state)
{
	check_name("short(int)", 20, "short(int)");
	check_name("a::longer::name(std::map<int, int> const&) const", 20, "a::longer::name()");
	check_name("abcdefghijklmnopqrstuvwxyz", 20, "abcde...opqrstuvwxyz");
	check_name("(anonymous namespace)::f_with_a_name", 20, "(anon..._with_a_name");
}

static int status(const char *line)
{
	return run_command(&cmd_top, line);
}

static void test_arguments(void **state)
{
	assert_int_equal(status("top --by size stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --by temporary stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --at noon stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --by peak --at exit stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --group x stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --tree x stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --depth 0 stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top -n 9x stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --filter ( stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --hide [ stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top --format xml stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("top stacks.memwhy more"), EXIT_USAGE);
	assert_int_equal(status("top --by"), EXIT_USAGE);
	assert_int_equal(status("top golden.memwhy"), EXIT_MEMWHY);
	assert_int_equal(status("top missing"), EXIT_MEMWHY);
	assert_int_equal(status("top --pid 999 stacks.memwhy"), EXIT_MEMWHY);
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	make_stacks(STACKS_NAME, &(struct make_stacks){ .scale = 1024 });
	make_stacks("sampled.memwhy", &(struct make_stacks){ .scale = 1024, .sampled = true });
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_sampled_pinned), cmocka_unit_test(test_total),
		cmocka_unit_test(test_stacks), cmocka_unit_test(test_trees), cmocka_unit_test(test_json),
		cmocka_unit_test(test_filter), cmocka_unit_test(test_no_hide_and_lines), cmocka_unit_test(test_moment_is_said),
		cmocka_unit_test(test_widths), cmocka_unit_test(test_names), cmocka_unit_test(test_arguments),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
