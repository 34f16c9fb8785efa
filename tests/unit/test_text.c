/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/csv.h"
#include "util/json.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t size;
static FILE *out;

static int begin(void **state)
{
	out = open_memstream(&text, &size);
	return out ? 0 : -1;
}

static int end(void **state)
{
	free(text);
	return 0;
}

static const char *printed(void)
{
	fclose(out);
	return text;
}

static void test_utf8_length(void **state)
{
	assert_int_equal(text_utf8_length("a"), 1);
	assert_int_equal(text_utf8_length("\xc3\xa4"), 2);
	assert_int_equal(text_utf8_length("\xe2\x80\x93"), 3);
	assert_int_equal(text_utf8_length("\xf0\x9f\x98\x80"), 4);
	assert_int_equal(text_utf8_length("\xc3"), 0);             /* cut */
	assert_int_equal(text_utf8_length("\xc0\x80"), 0);         /* overlong */
	assert_int_equal(text_utf8_length("\xed\xa0\x80"), 0);     /* surrogate */
	assert_int_equal(text_utf8_length("\xf4\x90\x80\x80"), 0); /* too large */
	assert_int_equal(text_utf8_length("\x80"), 0);
	fclose(out);
}

static void test_safe(void **state)
{
	assert_int_equal(text_print_safe(out, "a\033[31mb\xc2\x9b\xff\xc3\xa4\n", 0, 1), 11);
	assert_string_equal(printed(), "a?[31mb??\xc3\xa4 ");
}

static void test_safe_ascii_cut(void **state)
{
	assert_int_equal(text_print_safe(out, "\xc3\xa4" "bcdefgh", 6, 0), 6);
	assert_string_equal(printed(), "?bc...");
}

static void test_quoted(void **state)
{
	text_print_quoted(out, "plain-1.0/x=y");
	fputc(' ', out);
	text_print_quoted(out, "");
	fputc(' ', out);
	text_print_quoted(out, "it's $HOME");
	assert_string_equal(printed(), "plain-1.0/x=y '' 'it'\\''s $HOME'");
}

static void test_wrapped(void **state)
{
	text_print_wrapped(out, "one two 3 four", 5, 5, 14, 1);
	assert_string_equal(printed(), "one two\n     3 four\n");
}

static void test_base_name(void **state)
{
	assert_string_equal(text_base_name("/usr/bin/ruff"), "ruff");
	assert_string_equal(text_base_name("ruff"), "ruff");
	assert_string_equal(text_base_name("a/"), "");
	fclose(out);
}

static void test_json(void **state)
{
	struct json j;
	json_init(&j, out);
	json_begin_object(&j, NULL);
	json_string(&j, "a\"", "x\n\t\\\001\x7f\xff\xc3\xa4");
	json_begin_array(&j, "b");
	json_integer(&j, NULL, INT64_MIN);
	json_bool(&j, NULL, true);
	json_integer_or_null(&j, NULL, 7, false);
	json_end_array(&j);
	json_begin_object(&j, "empty");
	json_end_object(&j);
	json_string(&j, "none", NULL);
	json_end_object(&j);
	assert_string_equal(printed(), "{\n  \"a\\\"\": \"x\\n\\t\\\\\\u0001\\u007f\\ufffd\xc3\xa4\",\n  \"b\": [\n"
			    "    -9223372036854775808,\n    true,\n    null\n  ],\n  \"empty\": {},\n  \"none\": null\n}\n");
}

static void test_csv(void **state)
{
	struct csv c;
	csv_init(&c, out);
	csv_text(&c, "");
	csv_text(&c, "a b");
	csv_text(&c, "a,b");
	csv_text(&c, "say \"x\"");
	csv_text(&c, "two\r\nlines");
	assert_int_equal(csv_end_line(&c), 0);
	csv_empty(&c);
	csv_integer(&c, -5);
	csv_unsigned(&c, UINT64_MAX);
	csv_hex(&c, 0xabc);
	csv_integer_or_empty(&c, 1, false);
	assert_int_equal(csv_end_line(&c), 0);
	assert_string_equal(printed(), ",a b,\"a,b\",\"say \"\"x\"\"\",\"two\r\nlines\"\r\n"
			    ",-5,18446744073709551615,0xabc,\r\n");
}

/* A full disk is noticed. */
static void test_csv_error(void **state)
{
	fclose(out);
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	struct csv c;
	csv_init(&c, full);
	setvbuf(full, NULL, _IONBF, 0);
	csv_integer(&c, 1);
	assert_true(csv_end_line(&c) < 0);
	fclose(full);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_utf8_length), TEST(test_safe), TEST(test_safe_ascii_cut), TEST(test_quoted),
		TEST(test_wrapped), TEST(test_base_name), TEST(test_json), TEST(test_csv), TEST(test_csv_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
