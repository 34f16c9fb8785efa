/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "command.h"
#include "diff.h"
#include "make_stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *print(const char *a, const char *b, enum stack_group group, int (*fn)(const struct diff *d, FILE *out))
{
	static char *text; /* static, or gcc takes what is returned for an address in here */
	static size_t size;
	struct diff_options o = { STACK_QUERY_DEFAULT, group, 0, 80, 0 };
	struct recording *r[2];
	struct diff d;
	char error[256];
	int bad;
	assert_int_equal(recording_open(a, &r[0], error, sizeof error), 0);
	assert_int_equal(recording_open(b, &r[1], error, sizeof error), 0);
	assert_int_equal(diff_init(&d, r[0], r[1], &o, &bad), 0);
	FILE *f = open_memstream(&text, &size);
	assert_int_equal(fn(&d, f), 0);
	fclose(f);
	diff_finish(&d);
	recording_close(r[0]);
	recording_close(r[1]);
	return text;
}

static void check_width(const char *text)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		if (end - text > 80)
			fail_msg("too wide: %.*s", (int)(end - text), text);
}

static void golden(enum stack_group group, const char *name)
{
	char *text = print(STACKS_NAME, "other.memwhy", group, strstr(name, ".json") ? diff_print_json : diff_print_text);
	if (!strstr(name, ".json"))
		check_width(text);
	compare_with_golden(name, text);
	free(text);
}

static void test_function(void **state)
{
	golden(STACK_GROUP_FUNCTION, "diff.txt");
}

static void test_stack(void **state)
{
	golden(STACK_GROUP_STACK, "diff-stack.txt");
}

static void test_json(void **state)
{
	golden(STACK_GROUP_FUNCTION, "diff.json");
}

/* The ledgers are compared all the same, and it is said what is missing. */
static void test_without_stacks(void **state)
{
	char *text = print(STACKS_NAME, GOLDEN_NAME, STACK_GROUP_FUNCTION, diff_print_text);
	assert_non_null(strstr(text, "\n  resident"));
	assert_non_null(strstr(text, "B: no call stacks were recorded"));
	check_width(text);
	free(text);
}

static void test_same(void **state)
{
	char *text = print(STACKS_NAME, STACKS_NAME, STACK_GROUP_FUNCTION, diff_print_text);
	assert_null(strstr(text, " +"));
	assert_non_null(strstr(text, "          0 B     5.9 MiB     5.9 MiB  intern\n"));
	free(text);
}

static int status(const char *line)
{
	return run_command(&cmd_diff, line);
}

static void test_arguments(void **state)
{
	assert_int_equal(status("diff stacks.memwhy"), EXIT_USAGE);
	assert_int_equal(status("diff"), EXIT_USAGE);
	assert_int_equal(status("diff a b c"), EXIT_USAGE);
	assert_int_equal(status("diff --by nothing a b"), EXIT_USAGE);
	assert_int_equal(status("diff --format xml a b"), EXIT_USAGE);
	assert_int_equal(status("diff --group x a b"), EXIT_USAGE);
	assert_int_equal(status("diff stacks.memwhy missing"), EXIT_MEMWHY);
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	make_stacks(STACKS_NAME, &(struct make_stacks){ .scale = 1024 });
	make_stacks("other.memwhy", &(struct make_stacks){ .scale = 1536, .extra = "hash_intern" });
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_function), cmocka_unit_test(test_stack), cmocka_unit_test(test_json),
		cmocka_unit_test(test_without_stacks), cmocka_unit_test(test_same), cmocka_unit_test(test_arguments),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
