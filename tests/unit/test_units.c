/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/units.h"

#include <limits.h>

static void test_bytes(void **state)
{
	char b[UNITS_SIZE];
	assert_string_equal(units_bytes(0, b), "0 B");
	assert_string_equal(units_bytes(1023, b), "1023 B");
	assert_string_equal(units_bytes(1024, b), "1.0 KiB");
	assert_string_equal(units_bytes(-4096, b), "-4.0 KiB");
	assert_string_equal(units_bytes(20992, b), "20.5 KiB");
	assert_string_equal(units_bytes(104858, b), "0.1 MiB");
	assert_string_equal(units_bytes(86088089, b), "82.1 MiB");
	assert_string_equal(units_bytes(INT64_C(2) << 30, b), "2048.0 MiB");
	assert_string_equal(units_bytes(INT64_C(10) << 30, b), "10.00 GiB");
	assert_string_equal(units_bytes(INT64_MIN, b), "-8589934592.00 GiB");
}

static void test_count(void **state)
{
	char b[UNITS_SIZE];
	assert_string_equal(units_count(0, b), "0");
	assert_string_equal(units_count(999, b), "999");
	assert_string_equal(units_count(1000, b), "1,000");
	assert_string_equal(units_count(8074257, b), "8,074,257");
	assert_string_equal(units_count(UINT64_MAX, b), "18,446,744,073,709,551,615");
}

static void test_duration(void **state)
{
	char b[UNITS_SIZE];
	assert_string_equal(units_duration(0, b), "0.0 ms");
	assert_string_equal(units_duration(3240000, b), "3.2 ms");
	assert_string_equal(units_duration(830000000, b), "0.83 s");
	assert_string_equal(units_duration(INT64_C(119990000000), b), "119.99 s");
	assert_string_equal(units_duration(INT64_C(125000000000), b), "2 min 5 s");
	assert_string_equal(units_duration(INT64_C(7380000000000), b), "2 h 3 min");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_count), cmocka_unit_test(test_duration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
