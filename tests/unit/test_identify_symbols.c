/* SPDX-License-Identifier: MIT */
/* test_identify_symbols.c - which names nominate, and as what; and the environment of the
 * throwaway process. The image is a list of names. */
#include "identify_environment.h"
#include "identify_symbols.h"
#include "wire_identify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct image_symbol *listed;
static size_t listed_count;

int image_symbols(struct image *im, image_symbol_fn *fn, void *arg)
{
	for (size_t i = 0; i < listed_count; i++)
		if (!fn(arg, &listed[i]))
			break;
	return 0;
}

static struct identify_symbols find(const struct image_symbol *list, size_t count)
{
	static struct identify_symbols s;
	listed = list;
	listed_count = count;
	assert_int_equal(identify_symbols_find(NULL, &s), 0);
	return s;
}
#define FIND(list) find(list, sizeof list / sizeof *list)

static const struct identify_named *at(const struct identify_symbols *s, uint64_t address)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->named[i].address == address)
			return &s->named[i];
	return NULL;
}

static void test_prefix(void **state)
{
	static const struct image_symbol list[] = {
		{ "_rjem_malloc", 1, 9, true }, { "_rjem_mallocx", 2, 9, true }, { "_rjem_sdallocx", 3, 9, true },
		{ "do_rallocx", 4, 9, true }, { "_rjem_mallctl", 5, 9, true }, { "_rjem_realloc", 6, 9, false },
	};
	const struct identify_symbols s = FIND(list);
	assert_int_equal(s.count, 4);
	assert_int_equal(at(&s, 1)->kind, WIRE_ENTRY_MALLOC);
	assert_int_equal(at(&s, 2)->kind, WIRE_ENTRY_MALLOCX);
	assert_int_equal(at(&s, 3)->kind, WIRE_ENTRY_FREE);
	assert_int_equal(at(&s, 5)->kind, WIRE_ENTRY_MALLCTL);
	assert_int_equal(at(&s, 5)->family, WIRE_FAMILY_JEMALLOC);
}

/* One of the two names alone is anybody's. */
static void test_half_a_prefix(void **state)
{
	static const struct image_symbol list[] = { { "my_mallocx", 1, 9, true }, { "my_malloc", 2, 9, true } };
	assert_int_equal(FIND(list).count, 0);
}

static void test_no_prefix(void **state)
{
	static const struct image_symbol list[] = {
		{ "malloc", 1, 9, true }, { "mallocx", 2, 9, true }, { "sdallocx", 3, 9, true }, { "_Znwm", 4, 9, true },
	};
	const struct identify_symbols s = FIND(list);
	assert_int_equal(at(&s, 1)->family, WIRE_FAMILY_JEMALLOC);
	assert_int_equal(at(&s, 4)->family, WIRE_FAMILY_OTHER);
}

/* Without a malloc of the file's own, its operator new is a linked libstdc++'s over the malloc
 * that the preload follows. */
static void test_only_wrappers(void **state)
{
	static const struct image_symbol wrappers[] = { { "_Znwm", 1, 9, true }, { "_ZdlPv", 2, 9, true }, { "malloc", 0, 0, false } };
	static const struct image_symbol of_mimalloc[] = { { "_Znwm", 1, 9, true }, { "mi_malloc", 2, 9, true } };
	assert_int_equal(FIND(wrappers).count, 0);
	const struct identify_symbols s = FIND(of_mimalloc);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.named[0].address, 2);
}

static void test_pages(void **state)
{
	static const struct image_symbol list[] = {
		{ "malloc", 1, 9, true }, { "valloc", 2, 9, true }, { "mi_valloc", 3, 9, true }, { "tc_pvalloc", 4, 9, true },
	};
	const struct identify_symbols s = FIND(list);
	assert_int_equal(at(&s, 2)->kind, WIRE_ENTRY_VALLOC);
	assert_int_equal(at(&s, 3)->kind, WIRE_ENTRY_VALLOC);
	assert_int_equal(at(&s, 4)->kind, WIRE_ENTRY_PVALLOC);
}

static void test_aliases(void **state)
{
	static const struct image_symbol one[] = { { "malloc", 1, 9, true }, { "mi_malloc", 1, 9, true } };
	static const struct image_symbol other[] = { { "mi_malloc", 1, 9, true }, { "malloc", 1, 9, true } };
	const struct identify_symbols a = FIND(one);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.named[0].family, WIRE_FAMILY_MIMALLOC);
	const struct identify_symbols b = FIND(other);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.named[0].family, WIRE_FAMILY_MIMALLOC);
}

/* What makes comes before what frees, and that before the rest. */
static void test_order(void **state)
{
	static const struct image_symbol list[] = {
		{ "mi_realloc", 1, 9, true }, { "mi_free", 2, 9, true }, { "mi_malloc_aligned", 3, 9, true },
		{ "mi_version", 4, 9, true }, { "mi_heap_get_default", 5, 9, true }, { "mi_heap_malloc", 6, 9, true },
	};
	const struct identify_symbols s = FIND(list);
	assert_int_equal(s.count, 4);
	assert_int_equal(s.named[0].address, 3);
	assert_int_equal(s.named[1].address, 2);
	assert_true(at(&s, 6)->takes_heap);
	assert_int_equal(s.mi_version, 4);
	assert_int_equal(s.context, 5);
}

static void test_many(void **state)
{
	struct image_symbol *list = calloc(1000, sizeof *list);
	for (size_t i = 0; i < 1000; i++)
		list[i] = (struct image_symbol){ "malloc", i + 1, 9, true };
	assert_int_equal(find(list, 1000).count, IDENTIFY_NAMED_MAX);
	free(list);
}

static void test_environment(void **state)
{
	const char *const given[] = { "PATH=/bin", "MALLOC_CONF=x", "_RJEM_MALLOC_CONF=x", "MIMALLOC_VERBOSE=1", "LD_PRELOAD=a.so",
				"MEMWHY_PROBE=1", "MEMWHY_IDENTIFY=9", "LD_LIBRARY_PATH=/x", "GLIBC_TUNABLES=a", "HOME=/", NULL };
	const char *const wanted[] = { "PATH=/bin", "LD_LIBRARY_PATH=/x", "HOME=/", "LD_PRELOAD=/p.so", NULL };
	char task[64];
	char **got = identify_environment((char *const *)(uintptr_t)given, "/p.so", NULL);
	for (size_t i = 0; wanted[i]; i++)
		assert_string_equal(got[i], wanted[i]);
	snprintf(task, sizeof task, WIRE_IDENTIFY_ENV "=%u:%u", WIRE_IDENTIFY_VERSION, (unsigned)getpid());
	assert_string_equal(got[4], task);
	assert_null(got[5]);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix), cmocka_unit_test(test_half_a_prefix), cmocka_unit_test(test_no_prefix),
		cmocka_unit_test(test_aliases), cmocka_unit_test(test_order), cmocka_unit_test(test_many),
		cmocka_unit_test(test_environment), cmocka_unit_test(test_only_wrappers), cmocka_unit_test(test_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
