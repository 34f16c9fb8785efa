/* SPDX-License-Identifier: MIT */
/* Candidates in graphs made by hand, each of which is one of the rules, and in Debian's
 * allocators, whose exported names are the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "candidates.h"
#include "make_image.h"

#include <elf.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define LIBRARIES "/usr/lib/x86_64-linux-gnu/"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct opened {
	const struct made_graph *graph;
	struct image *im;
	struct candidates *c;
};

#define NO_ENTRY UINT_MAX
static struct opened open_with_entry(const struct made_graph *g, unsigned entry)
{
	struct opened o = { .graph = g };
	char path[64];
	size_t size;
	uint8_t *bytes = make_graph(g, &size);
	uint64_t address = entry == NO_ENTRY ? 0 : made_start(g, entry);
	memcpy(bytes + offsetof(Elf64_Ehdr, e_entry), &address, sizeof address);
	int fd = make_file(bytes, size, path);
	assert_int_equal(image_open(path, &o.im), 0);
	assert_int_equal(candidates_create(o.im, &o.c), 0);
	close(fd);
	free(bytes);
	return o;
}

static struct opened open_graph(const struct made_graph *g)
{
	return open_with_entry(g, NO_ENTRY);
}

static void close_graph(struct opened *o)
{
	candidates_destroy(o->c);
	image_close(o->im);
}

static const struct candidate *find(const struct candidate *list, size_t n, uint64_t address)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].address == address)
			return &list[i];
	return NULL;
}

/* In the list for more than being popular? */
static bool is_listed(struct opened *o, enum wire_family family, unsigned function)
{
	const struct candidate *list, *found;
	size_t n;
	assert_int_equal(candidates_list(o->c, family, &list, &n), 0);
	found = find(list, n, made_start(o->graph, function));
	return found && !found->popular;
}

static bool is_outside(struct opened *o, enum wire_family family, unsigned function)
{
	const struct candidate *list;
	size_t n;
	assert_int_equal(candidates_outside(o->c, family, &list, &n), 0);
	return find(list, n, made_start(o->graph, function)) != NULL;
}

/* Anchors 100, 110, 140: the range is 92 to 148. */
static const unsigned range_users[] = { 100, 110, 140 };
static const struct made_call range_calls[] = {
	{ 10, 105 }, { 20, 105 }, { 30, 105 }, { 50, 120 }, { 105, 130 }, { 110, 130 }, { 100, 105 },
	{ 11, 10 }, { 12, 10 }, { 10, 125 }, { 105, 135 }, { 60, 135 }, { 61, 60 },
	{ 70, 145 }, { 71, 145 }, { 72, 145 }, { 73, 145 }, { 74, 145 }, { 75, 145 }, { 76, 145 }, { 77, 145 }, { 78, 145 },
	{ 79, 70 }, { 5, 5 }, { 6, 149 },
};
static const struct made_graph range_graph = {
	.functions = 200, .function_bytes = 64, .calls = range_calls, .call_count = COUNT(range_calls),
	.text = "<jemalloc>: x", .users = range_users, .user_count = COUNT(range_users),
};

static void test_range(void **state)
{
	struct opened o = open_graph(&range_graph);
	assert_true(candidates_has_family(o.c, WIRE_FAMILY_JEMALLOC));
	assert_false(candidates_has_family(o.c, WIRE_FAMILY_MIMALLOC));
	assert_true(is_listed(&o, WIRE_FAMILY_JEMALLOC, 105));
	assert_true(is_listed(&o, WIRE_FAMILY_JEMALLOC, 120));
	assert_false(is_listed(&o, WIRE_FAMILY_JEMALLOC, 130)); /* only called from inside */
	assert_false(is_listed(&o, WIRE_FAMILY_JEMALLOC, 10));
	assert_false(is_listed(&o, WIRE_FAMILY_JEMALLOC, 149)); /* one further than it is widened */
	close_graph(&o);
}

static void test_ranks(void **state)
{
	struct opened o = open_graph(&range_graph);
	const struct candidate *list;
	size_t n;
	assert_int_equal(candidates_list(o.c, WIRE_FAMILY_JEMALLOC, &list, &n), 0);
	assert_int_equal(list[0].address, made_start(&range_graph, 145));
	assert_int_equal(list[0].references, 9);
	assert_int_equal(list[1].address, made_start(&range_graph, 105));
	assert_int_equal(list[1].references, 4);
	for (size_t i = 1; i < n; i++)
		assert_true(list[i - 1].references >= list[i].references);
	assert_true(find(list, n, made_start(&range_graph, 10))->popular);
	assert_null(find(list, n, made_start(&range_graph, 5))); /* calls itself only */
	assert_int_equal(candidates_references(o.c, made_start(&range_graph, 105)), 4);
	assert_int_equal(candidates_references(o.c, made_start(&range_graph, 105) + 1), 0);
	close_graph(&o);
}

static void test_families_that_are_not_there(void **state)
{
	struct opened o = open_graph(&range_graph);
	const struct candidate *list;
	size_t n;
	assert_int_equal(candidates_list(o.c, WIRE_FAMILY_MIMALLOC, &list, &n), 0);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++)
		assert_true(list[i].popular);
	assert_int_equal(candidates_outside(o.c, WIRE_FAMILY_MIMALLOC, &list, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(candidates_mallctl(o.c, &list, &n), 0);
	assert_int_equal(n, 0);
	close_graph(&o);
}

static void test_doors(void **state)
{
	struct opened o = open_graph(&range_graph);
	assert_true(is_outside(&o, WIRE_FAMILY_JEMALLOC, 10));  /* by 125, alone */
	assert_true(is_outside(&o, WIRE_FAMILY_JEMALLOC, 60));  /* by 135 */
	assert_false(is_outside(&o, WIRE_FAMILY_JEMALLOC, 70)); /* 145 is used by nine */
	assert_false(is_outside(&o, WIRE_FAMILY_JEMALLOC, 105));
	assert_false(is_outside(&o, WIRE_FAMILY_JEMALLOC, 20)); /* nobody refers to it */
	close_graph(&o);
}

static void test_related(void **state)
{
	struct opened o = open_graph(&range_graph);
	const struct candidate *list;
	size_t n;
	uint64_t entry = made_start(&range_graph, 105);
	assert_int_equal(candidates_related(o.c, WIRE_FAMILY_JEMALLOC, &entry, 1, &list, &n), 0);
	assert_non_null(find(list, n, made_start(&range_graph, 60)));
	assert_null(find(list, n, entry));
	assert_null(find(list, n, made_start(&range_graph, 50)));
	assert_null(find(list, n, made_start(&range_graph, 61))); /* calls 60, but does not end in it */
	close_graph(&o);
}

/* 0 is the start, 1 main; 50 and 60 are the entries; all that is behind them is called more. */
static const struct made_call way_calls[] = {
	{ 0, 1 }, { 1, 50 }, { 1, 60 }, { 60, 70 }, { 60, 50 }, { 60, 80 }, { 70, 80 }, { 90, 80 }, { 91, 80 }, { 90, 100 }, { 91, 100 },
	{ 92, 100 }, { 93, 100 },
};
static const struct made_graph way_graph = {
	.functions = 200, .function_bytes = 64, .calls = way_calls, .call_count = COUNT(way_calls),
	.text = "x", .users = NULL, .user_count = 0,
};

static void test_way(void **state)
{
	static const unsigned wanted[] = { 50, 60, 80, 70, 100, 1 }; /* nothing leads to 100 */
	struct opened o = open_with_entry(&way_graph, 0);
	const struct candidate *list;
	size_t n;
	assert_int_equal(candidates_by_way(o.c, &list, &n), 0);
	assert_int_equal(n, COUNT(wanted));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i].address, made_start(&way_graph, wanted[i]));
	close_graph(&o);
	o = open_graph(&way_graph); /* without a start: by references */
	assert_int_equal(candidates_by_way(o.c, &list, &n), 0);
	assert_int_equal(list[0].address, made_start(&way_graph, 80));
	close_graph(&o);
}

static void test_callees(void **state)
{
	struct opened o = open_graph(&way_graph);
	uint64_t callees[3];
	assert_int_equal(candidates_callees(o.c, made_start(&way_graph, 60), callees, 3), 3);
	assert_int_equal(callees[0], made_start(&way_graph, 50));
	assert_int_equal(callees[2], made_start(&way_graph, 80));
	assert_int_equal(candidates_callees(o.c, made_start(&way_graph, 60), callees, 2), 3);
	assert_int_equal(candidates_callees(o.c, made_start(&way_graph, 100), callees, 3), 0);
	assert_int_equal(candidates_callees(o.c, 0, callees, 3), 0);
	close_graph(&o);
}

static void test_enters(void **state)
{
	struct opened o = open_graph(&range_graph);
	uint64_t outer = made_start(&range_graph, 105), inner = made_start(&range_graph, 130);
	assert_true(candidates_enters(o.c, outer, inner));
	assert_false(candidates_enters(o.c, inner, outer));
	assert_false(candidates_enters(o.c, 0, 0));
	close_graph(&o);
}

/* A gap of more than 512 KiB between anchors: what lies in it is not the allocator's. */
static void test_clusters(void **state)
{
	static const unsigned users[] = { 20, 80 };
	static const struct made_call calls[] = { { 50, 81 }, { 50, 51 }, { 52, 51 } };
	struct made_graph g = {
		.functions = 100, .function_bytes = 0x4000, .calls = calls, .call_count = COUNT(calls),
		.text = "<jemalloc>: x", .users = users, .user_count = COUNT(users),
	};
	struct opened o = open_graph(&g);
	assert_true(is_listed(&o, WIRE_FAMILY_JEMALLOC, 81));
	assert_false(is_listed(&o, WIRE_FAMILY_JEMALLOC, 51));
	close_graph(&o);
}

/* A small program's functions between two parts of the allocator, with no such gap. */
static const struct made_call run_calls[] = { { 150, 205 }, { 151, 205 }, { 100, 202 }, { 250, 205 } };
static const unsigned run_users[] = { 100, 200, 210 };

static void test_program_inside_the_range(void **state)
{
	struct made_graph g = {
		.functions = 260, .function_bytes = 64, .calls = run_calls, .call_count = 3,
		.text = "<jemalloc>: x", .users = run_users, .user_count = COUNT(run_users),
	};
	struct opened o = open_graph(&g);
	assert_true(is_listed(&o, WIRE_FAMILY_JEMALLOC, 205));
	close_graph(&o);
}

/* The same, but the functions are in a table: the allocator's, as jemalloc's ctl functions. */
static void test_table_inside_the_range(void **state)
{
	unsigned pointers[80];
	for (unsigned i = 0; i < COUNT(pointers); i++)
		pointers[i] = 110 + i;
	struct made_graph g = {
		.functions = 260, .function_bytes = 64, .calls = run_calls, .call_count = 3,
		.text = "<jemalloc>: x", .users = run_users, .user_count = COUNT(run_users),
		.pointers = pointers, .pointer_count = COUNT(pointers),
	};
	struct opened o = open_graph(&g);
	assert_false(is_listed(&o, WIRE_FAMILY_JEMALLOC, 205));
	close_graph(&o);
}

static void test_walk(void **state)
{
	static const unsigned users[] = { 1500 };
	static const struct made_call calls[] = {
		{ 1510, 1500 }, { 1520, 1510 }, { 1500, 1490 }, /* an entry, its slow path, the message, a helper */
		{ 10, 1520 }, { 1530, 1520 },                   /* callers: one far outside, one near */
		{ 11, 1530 }, { 12, 1490 }, { 1500, 10 }, { 13, 10 },
	};
	struct made_graph g = {
		.functions = 5000, .function_bytes = 64, .calls = calls, .call_count = COUNT(calls),
		.text = "mimalloc: ", .users = users, .user_count = COUNT(users),
	};
	struct opened o = open_graph(&g);
	assert_true(is_listed(&o, WIRE_FAMILY_MIMALLOC, 1520));
	assert_true(is_listed(&o, WIRE_FAMILY_MIMALLOC, 1490));
	assert_false(is_listed(&o, WIRE_FAMILY_MIMALLOC, 1510));
	assert_false(is_listed(&o, WIRE_FAMILY_MIMALLOC, 1530)); /* not up through 1520 */
	assert_false(is_listed(&o, WIRE_FAMILY_MIMALLOC, 10));   /* beyond the window */
	close_graph(&o);
}

/* In a small program no caller is a thousand functions away: the window is narrow and grows. */
static void test_walk_in_a_small_program(void **state)
{
	static const unsigned users[] = { 500 };
	static const struct made_call calls[] = {
		{ 510, 500 }, { 520, 510 }, { 500, 450 }, { 450, 400 }, /* an entry, its slow path, the message, helpers */
		{ 10, 520 }, { 530, 520 }, { 11, 530 },                 /* callers of the entry: one far, one near */
		{ 525, 505 }, { 505, 450 }, { 12, 525 },                /* 525 wraps 505, and lies near */
	};
	struct made_graph g = {
		.functions = 900, .function_bytes = 64, .calls = calls, .call_count = COUNT(calls),
		.text = "mimalloc: ", .users = users, .user_count = COUNT(users),
	};
	struct opened o = open_graph(&g);
	assert_true(is_listed(&o, WIRE_FAMILY_MIMALLOC, 520));
	assert_true(is_listed(&o, WIRE_FAMILY_MIMALLOC, 505));
	assert_false(is_listed(&o, WIRE_FAMILY_MIMALLOC, 400));
	assert_false(is_listed(&o, WIRE_FAMILY_MIMALLOC, 530));
	assert_false(is_listed(&o, WIRE_FAMILY_MIMALLOC, 10));
	close_graph(&o);
}

/* ---- Debian's allocators -------------------------------------------------------------- */

struct wanted { const char *name; uint64_t address; };

static bool match_name(void *arg, const struct image_symbol *s)
{
	struct wanted *w = arg;
	if (s->function && !strcmp(s->name, w->name))
		w->address = s->address;
	return w->address == 0;
}

static uint64_t address_of(struct image *im, const char *name)
{
	struct wanted w = { name, 0 };
	assert_int_equal(image_symbols(im, match_name, &w), 0);
	assert_true(w.address != 0);
	return w.address;
}

static struct opened open_library(const char *path)
{
	struct opened o = { 0 };
	if (image_open(path, &o.im) < 0) {
		print_message("no %s\n", path);
		skip();
	}
	assert_int_equal(candidates_create(o.im, &o.c), 0);
	return o;
}

static void expect_related(struct opened *o, enum wire_family family, const char *entry, const char *const *names)
{
	const struct candidate *list;
	size_t n;
	uint64_t address = address_of(o->im, entry);
	assert_int_equal(candidates_related(o->c, family, &address, 1, &list, &n), 0);
	for (; *names; names++)
		if (!find(list, n, address_of(o->im, *names)))
			fail_msg("%s is not related to %s", *names, entry);
}

static void test_jemalloc(void **state)
{
	static const char *const siblings[] = { "calloc", "realloc", "free", "mallocx", "rallocx", "sdallocx", "dallocx", NULL };
	struct opened o = open_library(LIBRARIES "libjemalloc.so.2");
	const struct candidate *list;
	size_t n;
	assert_true(candidates_has_family(o.c, WIRE_FAMILY_JEMALLOC));
	assert_false(candidates_has_family(o.c, WIRE_FAMILY_MIMALLOC));
	expect_related(&o, WIRE_FAMILY_JEMALLOC, "malloc", siblings);
	assert_int_equal(candidates_mallctl(o.c, &list, &n), 0);
	assert_non_null(find(list, n < 4 ? n : 4, address_of(o.im, "mallctl")));
	close_graph(&o);
}

static void test_mimalloc(void **state)
{
	static const char *const siblings[] = { "mi_zalloc", "mi_calloc", "mi_malloc_small", "mi_realloc", "mi_malloc_aligned", NULL };
	struct opened o = open_library(LIBRARIES "libmimalloc.so.2.0");
	assert_true(candidates_has_family(o.c, WIRE_FAMILY_MIMALLOC));
	assert_false(candidates_has_family(o.c, WIRE_FAMILY_JEMALLOC));
	expect_related(&o, WIRE_FAMILY_MIMALLOC, "mi_malloc", siblings);
	close_graph(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range), cmocka_unit_test(test_ranks), cmocka_unit_test(test_families_that_are_not_there),
		cmocka_unit_test(test_doors), cmocka_unit_test(test_related), cmocka_unit_test(test_enters),
		cmocka_unit_test(test_way), cmocka_unit_test(test_callees),
		cmocka_unit_test(test_clusters), cmocka_unit_test(test_program_inside_the_range),
		cmocka_unit_test(test_table_inside_the_range), cmocka_unit_test(test_walk), cmocka_unit_test(test_walk_in_a_small_program),
		cmocka_unit_test(test_jemalloc), cmocka_unit_test(test_mimalloc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
