/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of size classes against the libraries themselves, where they are
 * installed. jemalloc's thread-local storage is too large for a late dlopen(): the test
 * starts itself again with room for it.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../probes/size_class.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TUNABLE "glibc.rtld.optional_static_tls=65536"
#define CLASSES_TO (64u << 10)

static void *need_library(const char *name)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		print_message("%s\n", dlerror());
		skip();
	}
	return library;
}

#define LOOK_UP(pointer, library, name) do { *(void **)&(pointer) = dlsym(library, name); assert_non_null(pointer); } while (0)

static void versions_select_their_rules(void **state)
{
	assert_null(size_rules_find(WIRE_FAMILY_TCMALLOC, "2.10"));
	assert_null(size_rules_find(WIRE_FAMILY_OTHER, ""));
	assert_int_equal(size_rules_find(WIRE_FAMILY_JEMALLOC, "5.2.1-0-gea6b3e9")->version, 0);
	assert_int_equal(size_rules_find(WIRE_FAMILY_JEMALLOC, "5.3.0-0-g54eaed1d8b56")->version, 50300);
	assert_int_equal(size_rules_find(WIRE_FAMILY_JEMALLOC, "")->version, 50300);
	assert_int_equal(size_rules_find(WIRE_FAMILY_MIMALLOC, "1.6.7")->version, 0);
	assert_int_equal(size_rules_find(WIRE_FAMILY_MIMALLOC, "2.1.4")->version, 20006);
	assert_int_equal(size_rules_find(WIRE_FAMILY_MIMALLOC, "2.1.7")->version, 20105);
	assert_int_equal(size_rules_find(WIRE_FAMILY_MIMALLOC, "")->version, 20200);
	assert_int_equal(size_rules_find(WIRE_FAMILY_MIMALLOC, "3.4.3")->version, 30106);
	assert_int_equal(size_rules_find(WIRE_FAMILY_MIMALLOC, "99999999999999999999.1")->version, 30106);
}

static void the_table_says_what_the_rule_says(void **state)
{
	static uint16_t table[SIZE_TABLE_ENTRIES];
	const struct size_rules *rules = size_rules_find(WIRE_FAMILY_JEMALLOC, "");
	size_rules_fill_table(rules, table);
	for (size_t n = 0; n <= SIZE_TABLE_MAX; n++)
		assert_int_equal(table[size_table_index(n)], rules->plain(rules, n));
	assert_int_equal(table[0], 8);
	assert_int_equal(table[SIZE_TABLE_ENTRIES - 1], SIZE_TABLE_MAX);
}

static void absurd_sizes_have_no_class(void **state)
{
	static const uint32_t families[] = { WIRE_FAMILY_JEMALLOC, WIRE_FAMILY_MIMALLOC };
	for (int i = 0; i < 2; i++) {
		const struct size_rules *rules = size_rules_find(families[i], "");
		assert_int_equal(size_rules_usable(rules, SIZE_MAX, 1), 0);
		assert_int_equal(size_rules_usable(rules, 1, (size_t)1 << 63), 0);
		assert_int_equal(size_rules_usable(rules, SIZE_MAX - 8, 4096), 0);
	}
}

typedef size_t nallocx_fn(size_t, int);

static size_t compare_nallocx(nallocx_fn *nallocx, const struct size_rules *rules, size_t n, int log)
{
	return nallocx(n, log) != size_rules_usable(rules, n, (size_t)1 << log);
}

static void jemalloc_agrees(void **state)
{
	void *library = need_library("libjemalloc.so.2");
	nallocx_fn *nallocx;
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	const char *version = "";
	size_t wrong = 0, size = sizeof version;
	LOOK_UP(nallocx, library, "nallocx");
	LOOK_UP(mallctl, library, "mallctl");
	assert_int_equal(mallctl("version", &version, &size, NULL, 0), 0);
	const struct size_rules *rules = size_rules_find(WIRE_FAMILY_JEMALLOC, version);
	for (int log = 0; log <= 21; log++) {
		for (size_t n = 1; n <= CLASSES_TO; n++)
			wrong += compare_nallocx(nallocx, rules, n, log);
		for (size_t n = CLASSES_TO; n < (size_t)1 << 40; n += n / 97)
			wrong += compare_nallocx(nallocx, rules, n, log);
	}
	assert_int_equal(wrong, 0);
}

static void jemalloc_blocks_are_what_nallocx_says(void **state)
{
	void *library = need_library("libjemalloc.so.2");
	void *(*mallocx)(size_t, int);
	size_t (*usable)(void *);
	void (*dallocx)(void *, int);
	LOOK_UP(mallocx, library, "mallocx");
	LOOK_UP(usable, library, "malloc_usable_size");
	LOOK_UP(dallocx, library, "dallocx");
	const struct size_rules *rules = size_rules_find(WIRE_FAMILY_JEMALLOC, "");
	for (int log = 0; log <= 14; log++)
		for (size_t n = 1; n <= 300000; n += 1 + n / 61) {
			void *p = mallocx(n, log);
			assert_int_equal(usable(p), size_rules_usable(rules, n, (size_t)1 << log));
			dallocx(p, 0);
		}
}

struct mimalloc {
	const struct size_rules *rules;
	void *(*malloc)(size_t);
	void *(*malloc_aligned)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	size_t (*usable)(const void *);
	void (*free)(void *);
};

/* mi_version() counts digits: 209 is 2.0.9, 20400 is 2.4.0. */
static const struct size_rules *rules_of(int v)
{
	char text[32];
	int wide = v >= 10000;
	snprintf(text, sizeof text, "%d.%d.%d", wide ? v / 10000 : v / 100, wide ? v / 100 % 100 : v / 10 % 10,
		 wide ? v % 100 : v % 10);
	return size_rules_find(WIRE_FAMILY_MIMALLOC, text);
}

/* MEMWHY_TEST_MIMALLOC names another version's library. */
static struct mimalloc need_mimalloc(void)
{
	const char *other = getenv("MEMWHY_TEST_MIMALLOC");
	void *library = need_library(other ? other : "libmimalloc.so.2");
	struct mimalloc m;
	int (*version)(void);
	LOOK_UP(version, library, "mi_version");
	LOOK_UP(m.malloc, library, "mi_malloc");
	LOOK_UP(m.malloc_aligned, library, "mi_malloc_aligned");
	LOOK_UP(m.realloc, library, "mi_realloc");
	LOOK_UP(m.usable, library, "mi_usable_size");
	LOOK_UP(m.free, library, "mi_free");
	m.rules = rules_of(version());
	return m;
}

static void mimalloc_agrees(void **state)
{
	struct mimalloc m = need_mimalloc();
	for (size_t n = 0; n < (size_t)1 << 27; n += n < 2 * CLASSES_TO ? 1 : n / 97) {
		void *p = m.malloc(n);
		assert_int_equal(m.usable(p), m.rules->plain(m.rules, n));
		m.free(p);
	}
}

/* Alignments that change nothing: exact. Others: what the allocator's free lists happen to
 * hold decides between the class and a piece of a larger one. */
static void mimalloc_aligned_blocks_are_within_bounds(void **state)
{
	struct mimalloc m = need_mimalloc();
	size_t wrong = 0, blocks = 0;
	for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
		for (size_t n = alignment; n <= 40000; n += alignment < 8 ? 8 : alignment) {
			void *p = m.malloc_aligned(n, alignment);
			size_t usable = m.usable(p), rule = size_rules_usable(m.rules, n, alignment);
			blocks++;
			if (alignment <= 16 && alignment <= m.rules->plain_alignment)
				wrong += usable != rule;
			else
				assert_in_range(usable, n, m.rules->plain(m.rules, n + 15 + alignment));
			m.free(p);
		}
	if (wrong)
		print_message("%zu of %zu plainly aligned blocks\n", wrong, blocks);
	assert_true(wrong <= blocks / 1000);
}

static void mimalloc_keeps_the_class_in_place(void **state)
{
	struct mimalloc m = need_mimalloc();
	assert_true(m.rules->keeps_in_place);
	void *p = m.malloc(1024);
	assert_ptr_equal(m.realloc(p, 700), p);
	assert_int_equal(m.usable(p), 1024);
	m.free(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_select_their_rules),
		cmocka_unit_test(the_table_says_what_the_rule_says),
		cmocka_unit_test(absurd_sizes_have_no_class),
		cmocka_unit_test(jemalloc_agrees),
		cmocka_unit_test(jemalloc_blocks_are_what_nallocx_says),
		cmocka_unit_test(mimalloc_agrees),
		cmocka_unit_test(mimalloc_aligned_blocks_are_within_bounds),
		cmocka_unit_test(mimalloc_keeps_the_class_in_place),
	};
	if (!getenv("GLIBC_TUNABLES") && argc == 1) {
		setenv("GLIBC_TUNABLES", TUNABLE, 1);
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
