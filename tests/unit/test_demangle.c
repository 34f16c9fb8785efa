/* SPDX-License-Identifier: MIT */
/* Names of each scheme, and names that were made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "demangle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *name, const char *expected)
{
	char *text;
	assert_int_equal(demangle_name(name, &text), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void check_refused(const char *name, int error)
{
	char *text = NULL;
	assert_int_equal(demangle_name(name, &text), error);
	assert_null(text);
}

static void cxx(void **state)
{
	check("_ZN3foo3barEi", "foo::bar(int)");
	check("_ZN12_GLOBAL__N_16HiddenC2Ev", "(anonymous namespace)::Hidden::Hidden()");
	check("_ZN3foo3barEi.cold", "foo::bar(int) [clone .cold]");
	check("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)");
}

static void rust(void **state)
{
	check("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
	check("_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Debug$GT$3fmt17hdeadbeefdeadbeefE",
	      "<alloc::string::String as core::fmt::Debug>::fmt");
	check("_RNvC6_123foo3bar", "123foo::bar");
	check("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	check("_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>");
	check("_RNvMs_NtCs1234_7mycrate3fooNtB4_3Bar3baz", "<mycrate::foo::Bar>::baz");
}

static void others(void **state)
{
	check_refused("main", -ENOENT);
	check_refused("", -ENOENT);
	check_refused("_Z", -ENOENT);
	check_refused("_R", -ENOENT);
	check_refused("_Zqqqq", -ENOENT);
	check_refused("_ZN3fo", -ENOENT);
}

/* A function of a class in many namespaces: 6 bytes each. */
static void long_name(void **state)
{
	char name[DEMANGLE_NAME_MAX + 64] = "_ZN", *text;
	size_t n = 3;
	for (int i = 0; i < 500; i++)
		n += (size_t)sprintf(name + n, "4n%03d", i);
	strcpy(name + n, "3endEv");
	assert_int_equal(demangle_name(name, &text), 0);
	assert_string_equal(text + strlen(text) - strlen("n498::n499::end()"), "n498::n499::end()");
	free(text);
}

static void too_long(void **state)
{
	char name[DEMANGLE_NAME_MAX + 64];
	memset(name, 'P', sizeof name);
	memcpy(name, "_Z1f", 4);
	name[sizeof name - 1] = 0;
	check_refused(name, -E2BIG);
}

/* Each pair has the one before twice: 2^40 names. */
static void bomb(void **state)
{
	char name[2048] = "_Z1fSt4pairIiiE";
	strcat(name, "S_IS0_S0_E");
	for (int i = 1; i < 36; i++) {
		static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
		char more[16];
		snprintf(more, sizeof more, "S_IS%c_S%c_E", digits[i], digits[i]);
		strcat(name, more);
	}
	char *text = NULL;
	int rc = demangle_name(name, &text);
	assert_true(rc == -E2BIG || rc == -ENOENT);
}

/* Recursion at every byte. */
static void deep(void **state)
{
	static const char *const starts[] = { "_Z1f", "_ZN", "_RNv", "_RINv", "_RNvX" };
	static const char fills[] = "PRKNISLXTDE";
	char name[DEMANGLE_NAME_MAX];
	for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
		for (size_t f = 0; fills[f]; f++)
			for (size_t n = 1000; n < sizeof name; n += 3500) {
				char *text = NULL;
				memset(name, fills[f], n);
				memcpy(name, starts[s], strlen(starts[s]));
				name[n] = 0;
				if (demangle_name(name, &text) == 0)
					assert_true(strlen(text) <= DEMANGLE_TEXT_MAX);
				free(text);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cxx), cmocka_unit_test(rust), cmocka_unit_test(others), cmocka_unit_test(long_name),
		cmocka_unit_test(too_long), cmocka_unit_test(bomb), cmocka_unit_test(deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
