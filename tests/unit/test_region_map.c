/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "region_map.h"

#include <errno.h>

#define PROGRAM 1u
#define ALLOCATOR 2u

static void expect(const struct region_map *m, size_t count, const struct region *want)
{
	assert_int_equal(m->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(m->items[i].start, want[i].start);
		assert_int_equal(m->items[i].end, want[i].end);
		assert_int_equal(m->items[i].owner, want[i].owner);
	}
}

static void test_neighbours_join_by_owner(void **state)
{
	struct region_map m = { 0 };
	region_map_add(&m, 0x1000, 0x2000, PROGRAM);
	region_map_add(&m, 0x3000, 0x4000, PROGRAM);
	region_map_add(&m, 0x2000, 0x3000, PROGRAM);
	expect(&m, 1, (struct region[]){ { 0x1000, 0x4000, PROGRAM } });
	region_map_add(&m, 0x4000, 0x5000, ALLOCATOR);
	region_map_add(&m, 0x5000, 0x5000, ALLOCATOR);
	expect(&m, 2, (struct region[]){ { 0x1000, 0x4000, PROGRAM }, { 0x4000, 0x5000, ALLOCATOR } });
	region_map_finish(&m);
}

static void test_unmap_splits(void **state)
{
	struct region_map m = { 0 };
	region_map_add(&m, 0x1000, 0x9000, PROGRAM);
	region_map_remove(&m, 0x3000, 0x4000);
	expect(&m, 2, (struct region[]){ { 0x1000, 0x3000, PROGRAM }, { 0x4000, 0x9000, PROGRAM } });
	region_map_remove(&m, 0x2000, 0x5000);
	expect(&m, 2, (struct region[]){ { 0x1000, 0x2000, PROGRAM }, { 0x5000, 0x9000, PROGRAM } });
	region_map_remove(&m, 0, UINT64_MAX);
	assert_int_equal(m.count, 0);
	region_map_remove(&m, 0x1000, 0x2000);
	assert_int_equal(m.count, 0);
	region_map_finish(&m);
}

static void test_map_replaces(void **state)
{
	struct region_map m = { 0 };
	region_map_add(&m, 0x1000, 0x9000, PROGRAM);
	region_map_add(&m, 0x3000, 0x4000, ALLOCATOR);
	expect(&m, 3, (struct region[]){ { 0x1000, 0x3000, PROGRAM }, { 0x3000, 0x4000, ALLOCATOR }, { 0x4000, 0x9000, PROGRAM } });
	assert_int_equal(region_map_owner(&m, 0x3fff), ALLOCATOR);
	assert_int_equal(region_map_owner(&m, 0x4000), PROGRAM);
	assert_int_equal(region_map_owner(&m, 0x9000), 0);
	assert_int_equal(region_map_find(&m, 0x9000), m.count);
	region_map_add(&m, 0x2000, 0x8000, PROGRAM);
	expect(&m, 1, (struct region[]){ { 0x1000, 0x9000, PROGRAM } });
	region_map_finish(&m);
}

static void test_bound(void **state)
{
	struct region_map m = { 0 };
	for (uint64_t i = 0; i < REGION_MAP_MAX; i++)
		assert_int_equal(region_map_add(&m, i * 0x2000, i * 0x2000 + 0x1000, PROGRAM), 0);
	assert_int_equal(region_map_add(&m, REGION_MAP_MAX * 0x2000ull, REGION_MAP_MAX * 0x2000ull + 0x1000, PROGRAM), -ENOMEM);
	assert_int_equal(m.count, REGION_MAP_MAX);
	assert_int_equal(m.dropped, 1);
	assert_int_equal(region_map_remove(&m, 0, 0x8000), 0);
	assert_int_equal(m.count, REGION_MAP_MAX - 4);
	region_map_finish(&m);
}

static void test_copy(void **state)
{
	struct region_map a = { 0 }, b = { 0 };
	region_map_add(&a, 0x1000, 0x2000, PROGRAM);
	region_map_add(&b, 0x7000, 0x8000, ALLOCATOR);
	assert_int_equal(region_map_copy(&b, &a), 0);
	expect(&b, 1, (struct region[]){ { 0x1000, 0x2000, PROGRAM } });
	region_map_finish(&a);
	region_map_add(&b, 0x2000, 0x3000, PROGRAM);
	expect(&b, 1, (struct region[]){ { 0x1000, 0x3000, PROGRAM } });
	assert_int_equal(region_map_copy(&b, &a), 0);
	assert_int_equal(b.count, 0);
	region_map_finish(&b);
}

/* Against a plain array of owners, one entry a page. */
static void test_random_against_model(void **state)
{
	enum { PAGES = 256 };
	unsigned char model[PAGES] = { 0 };
	struct region_map m = { 0 };
	srand(1);
	for (int step = 0; step < 20000; step++) {
		unsigned from = (unsigned)rand() % PAGES, to = from + (unsigned)rand() % (PAGES - from + 1);
		unsigned owner = (unsigned)rand() % 3;
		memset(model + from, (int)owner, to - from);
		if (owner)
			region_map_add(&m, from * 4096ull, to * 4096ull, owner);
		else
			region_map_remove(&m, from * 4096ull, to * 4096ull);
		for (unsigned p = 0; p < PAGES; p++)
			assert_int_equal(region_map_owner(&m, p * 4096ull), model[p]);
		for (size_t i = 0; i + 1 < m.count; i++) {
			assert_true(m.items[i].end <= m.items[i + 1].start);
			assert_true(m.items[i].end < m.items[i + 1].start || m.items[i].owner != m.items[i + 1].owner);
		}
	}
	region_map_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_join_by_owner), cmocka_unit_test(test_unmap_splits),
		cmocka_unit_test(test_map_replaces), cmocka_unit_test(test_bound), cmocka_unit_test(test_copy),
		cmocka_unit_test(test_random_against_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
