/* SPDX-License-Identifier: MIT */
/* env.c: what is taken out of an environment is put back in, to the byte. */
#include "../../probes/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIBRARY "/usr/lib/memwhy/libmemwhy-probe.so"
#define TOKEN "0123456789abcdef0123456789abcdef"
#define WIRE "MEMWHY_PROBE=1:memwhy-7:" TOKEN ":1"
#define ENTRIES 8

/* A list whose strings may be written to, as those that the kernel hands to a process. */
struct list {
	char text[ENTRIES][160];
	char *entries[ENTRIES + 1];
};

static char **make_list(struct list *l, const char *const *entries)
{
	size_t n = 0;
	memset(l, 0, sizeof *l);
	for (; entries[n]; n++) {
		strcpy(l->text[n], entries[n]);
		l->entries[n] = l->text[n];
	}
	return l->entries;
}
#define LIST(l, ...) make_list(l, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_list(char *const *list, const char *const *expected)
{
	size_t n = 0;
	for (; expected[n]; n++) {
		assert_non_null(list[n]);
		assert_string_equal(list[n], expected[n]);
	}
	assert_null(list[n]);
}
#define ASSERT_LIST(list, ...) assert_list(list, (const char *const[]){ __VA_ARGS__, NULL })

static void test_take_leaves_the_rest(void **state)
{
	struct list l;
	struct env_ours ours;
	char **list = LIST(&l, "A=1", "LD_PRELOAD=" LIBRARY, "B=2", "MEMWHY_IDENTIFY=2:1", WIRE, "C=");
	assert_true(env_take(list, &ours));
	ASSERT_LIST(list, "A=1", "B=2", "C=");
	assert_string_equal(ours.library, LIBRARY);
	assert_string_equal(ours.wire, WIRE);
	/* nothing of ours behind the new end */
	assert_null(list[3]);
	assert_null(list[4]);
}

static void test_take_keeps_other_preloads(void **state)
{
	static const char *const cases[][2] = {
		{ LIBRARY ":/x/a.so", "LD_PRELOAD=/x/a.so" },
		{ LIBRARY ":/x/a.so /y/b.so", "LD_PRELOAD=/x/a.so /y/b.so" },
		{ LIBRARY ":", "LD_PRELOAD=" },
		{ "/x/a.so:" LIBRARY, "LD_PRELOAD=/x/a.so" },
		{ "/x/a.so " LIBRARY ":/y/b.so", "LD_PRELOAD=/x/a.so /y/b.so" },
		{ "/x/a.so:/y/not-" ENV_LIBRARY_NAME, "LD_PRELOAD=/x/a.so:/y/not-" ENV_LIBRARY_NAME },
		{ "", "LD_PRELOAD=" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct list l;
		struct env_ours ours;
		char entry[160] = "LD_PRELOAD=";
		strcat(entry, cases[i][0]);
		char **list = LIST(&l, WIRE, entry);
		assert_true(env_take(list, &ours));
		ASSERT_LIST(list, cases[i][1]);
	}
}

static void test_take_without_ours_changes_nothing(void **state)
{
	struct list l;
	struct env_ours ours;
	char **list = LIST(&l, "A=1", "LD_PRELOAD=" LIBRARY, "MEMWHY_PROBES=x");
	memset(&ours, 7, sizeof ours);
	assert_false(env_take(list, &ours));
	ASSERT_LIST(list, "A=1", "LD_PRELOAD=" LIBRARY, "MEMWHY_PROBES=x");
	assert_int_equal(ours.wire[0], 7);
}

static struct env_ours known_ours(void)
{
	struct env_ours ours;
	memset(&ours, 0, sizeof ours);
	strcpy(ours.library, LIBRARY);
	strcpy(ours.wire, WIRE);
	return ours;
}

/* Puts into a buffer of exactly the size asked for, so that a sanitizer sees a byte more. */
static char *const *put(char *const *list, const struct env_ours *ours, void **ret_buffer)
{
	*ret_buffer = malloc(env_put_size(list, ours));
	assert_non_null(*ret_buffer);
	return env_put(list, ours, *ret_buffer);
}

static void test_put(void **state)
{
	struct env_ours ours = known_ours();
	struct list l;
	void *buffer;
	ASSERT_LIST(put(LIST(&l, "A=1", "B=2"), &ours, &buffer), "A=1", "B=2", "LD_PRELOAD=" LIBRARY, WIRE);
	free(buffer);
	ASSERT_LIST(put(LIST(&l, "LD_PRELOAD=/x/a.so", "B=2"), &ours, &buffer),
		    "LD_PRELOAD=" LIBRARY ":/x/a.so", "B=2", WIRE);
	free(buffer);
	ASSERT_LIST(put(LIST(&l, "LD_PRELOAD="), &ours, &buffer), "LD_PRELOAD=" LIBRARY ":", WIRE);
	free(buffer);
	/* ld.so takes the last one */
	ASSERT_LIST(put(LIST(&l, "LD_PRELOAD=/a", "LD_PRELOAD=/b"), &ours, &buffer),
		    "LD_PRELOAD=/a", "LD_PRELOAD=" LIBRARY ":/b", WIRE);
	free(buffer);
	/* in already: not twice */
	ASSERT_LIST(put(LIST(&l, "LD_PRELOAD=/a:" LIBRARY), &ours, &buffer), "LD_PRELOAD=/a:" LIBRARY, WIRE);
	free(buffer);
}

static void test_put_into_nothing(void **state)
{
	struct env_ours ours = known_ours();
	char *empty[] = { NULL };
	void *buffer;
	ASSERT_LIST(put(NULL, &ours, &buffer), "LD_PRELOAD=" LIBRARY, WIRE);
	free(buffer);
	ASSERT_LIST(put(empty, &ours, &buffer), "LD_PRELOAD=" LIBRARY, WIRE);
	free(buffer);
}

/* The probe came by another way than LD_PRELOAD: only its address is passed on. */
static void test_put_without_library(void **state)
{
	struct env_ours ours = known_ours();
	struct list l;
	void *buffer;
	ours.library[0] = 0;
	ASSERT_LIST(put(LIST(&l, "A=1", "LD_PRELOAD=/x/a.so"), &ours, &buffer), "A=1", "LD_PRELOAD=/x/a.so", WIRE);
	free(buffer);
}

static void test_put_leaves_another_collector(void **state)
{
	struct env_ours ours = known_ours();
	struct list l;
	void *buffer;
	char **list = LIST(&l, "A=1", "MEMWHY_PROBE=1:other:" TOKEN ":0", "LD_PRELOAD=/x/a.so");
	assert_ptr_equal(put(list, &ours, &buffer), list);
	free(buffer);
}

static void test_round_trip(void **state)
{
	static const char *const before[][4] = {
		{ "A=1", "B=2" },
		{ "A=1", "LD_PRELOAD=/x/a.so:/y/b.so", "B=2" },
		{ "LD_PRELOAD=", "A=1" },
		{ "LD_PRELOAD= ", "A=1" },
		{ "LD_PRELOAD=:/x/a.so:", "A=1" },
	};
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		struct env_ours ours = known_ours(), again;
		struct list l, copy;
		void *buffer;
		char *const *got = put(make_list(&l, before[i]), &ours, &buffer);
		char **list = make_list(&copy, (const char *const *)got);
		assert_true(env_take(list, &again));
		assert_list(list, before[i]);
		assert_string_equal(again.library, LIBRARY);
		assert_string_equal(again.wire, WIRE);
		free(buffer);
	}
}

static void test_parse_wire(void **state)
{
	struct env_wire w;
	assert_true(env_parse_wire("1:memwhy-7:" TOKEN ":1", &w));
	assert_int_equal(w.version, 1);
	assert_int_equal(w.flags, WIRE_ENV_FOLLOW);
	assert_string_equal(w.socket_name, "memwhy-7");
	assert_string_equal(w.token, TOKEN);
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", "1", "1:", "1:s:" TOKEN, "1:s:" TOKEN ":", "1:s:" TOKEN ":1x", "x:s:" TOKEN ":1",
		"1::" TOKEN ":1", "1:s:" TOKEN "0:1", "1:s:0123:1", "1:s:0123456789ABCDEF0123456789abcdef:1",
		"4294967296:s:" TOKEN ":1", "1:s:" TOKEN ":99999999999999999999", "-1:s:" TOKEN ":1",
		"1:a-name-that-is-longer-than-an-address-of-a-socket-can-be-0123456789012345678901234567890123456789"
		"012345678901234567890123456789:" TOKEN ":1",
	};
	struct env_wire w;
	memset(&w, 9, sizeof w);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(env_parse_wire(bad[i], &w));
	assert_int_equal(w.version, 0x09090909);
}

static void test_get(void **state)
{
	struct list l;
	char **list = LIST(&l, "PATHS=no", "PATH=/bin", "PATH=/second", "EMPTY=");
	assert_string_equal(env_get(list, "PATH"), "/bin");
	assert_string_equal(env_get(list, "EMPTY"), "");
	assert_null(env_get(list, "PAT"));
	assert_null(env_get(NULL, "PATH"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_leaves_the_rest),
		cmocka_unit_test(test_take_keeps_other_preloads),
		cmocka_unit_test(test_take_without_ours_changes_nothing),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_into_nothing),
		cmocka_unit_test(test_put_without_library),
		cmocka_unit_test(test_put_leaves_another_collector),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_parse_wire),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_get),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
