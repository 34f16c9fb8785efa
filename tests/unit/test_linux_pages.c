/* SPDX-License-Identifier: MIT */
/* Page states of this process's own memory, whose state the test knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "platform.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ull

static char *map(size_t pages, int flags)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	madvise(at, pages * PAGE, MADV_NOHUGEPAGE);
	return at;
}

/* Reads all of this process; -1 when the machine lacks the source. */
static int read_own(enum page_source source, struct platform_runs *runs)
{
	struct platform_process p;
	struct platform_mappings list = { 0 };
	assert_int_equal(platform_process_init(&p, getpid(), NULL), 0);
	p.best_source = source;
	assert_int_equal(platform_read_mappings(&p, &list), 0);
	int rc = platform_read_pages(&p, &list, runs);
	platform_mappings_finish(&list);
	platform_process_finish(&p);
	return rc == 0 && runs->source == source ? 0 : -1;
}

static uint32_t states_at(const struct platform_runs *runs, const char *address)
{
	uint64_t a = (uint64_t)(uintptr_t)address;
	for (size_t i = 0; i < runs->count; i++)
		if (runs->items[i].start <= a && a < runs->items[i].end)
			return runs->items[i].states;
	return 0;
}

static void check_states(enum page_source source)
{
	struct platform_runs runs = { 0 };
	char *private = map(4, MAP_PRIVATE), *shared = map(2, MAP_SHARED);
	private[0] = shared[0] = 1;
	(void)*(volatile char *)(private + PAGE); /* the zero page */
	if (read_own(source, &runs) < 0) {
		print_message("%s is not to be had here\n", page_source_name(source));
		skip();
	}
	assert_int_equal(states_at(&runs, private), PLATFORM_PAGE_PRESENT);
	uint32_t zero = states_at(&runs, private + PAGE);
	assert_true(zero == (PLATFORM_PAGE_PRESENT | PLATFORM_PAGE_ZERO) ||
		    (source == PAGES_PAGEMAP && zero == (PLATFORM_PAGE_PRESENT | PLATFORM_PAGE_DOUBT)));
	assert_int_equal(states_at(&runs, private + 2 * PAGE), 0);
	assert_int_equal(states_at(&runs, shared), PLATFORM_PAGE_PRESENT | PLATFORM_PAGE_FILE);
	munmap(private, 4 * PAGE);
	munmap(shared, 2 * PAGE);
	platform_runs_finish(&runs);
}

static void test_states_by_scan(void **state)
{
	check_states(PAGES_PAGEMAP_SCAN);
}

static void test_states_by_pagemap(void **state)
{
	check_states(PAGES_PAGEMAP);
}

/* 20,000 single pages with holes between them: far more regions than the kernel's buffer
 * of 512 and than one call's worth. Each must come exactly once. */
static void check_many_regions(enum page_source source)
{
	enum { COUNT = 20000 };
	struct platform_runs runs = { 0 };
	char *at = map(2 * COUNT, MAP_PRIVATE);
	for (size_t i = 0; i < COUNT; i++)
		at[2 * i * PAGE] = 1;
	if (read_own(source, &runs) < 0)
		skip();
	uint64_t start = (uint64_t)(uintptr_t)at, next = start;
	for (size_t i = 0; i < runs.count; i++) {
		const struct platform_run *r = &runs.items[i];
		assert_true(i == 0 || runs.items[i - 1].end <= r->start);
		if (r->start < start || r->start >= start + 2 * COUNT * PAGE)
			continue;
		assert_true(r->start == next && r->end == next + PAGE);
		next += 2 * PAGE;
	}
	assert_true(next == start + 2 * COUNT * PAGE);
	munmap(at, 2 * COUNT * PAGE);
	platform_runs_finish(&runs);
}

static void test_many_regions_by_scan(void **state)
{
	check_many_regions(PAGES_PAGEMAP_SCAN);
}

static void test_many_regions_by_pagemap(void **state)
{
	check_many_regions(PAGES_PAGEMAP);
}

static void test_huge_pages_by_scan(void **state)
{
	struct platform_runs runs = { 0 };
	size_t size = 8 << 20, huge = 2 << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	char *aligned = (char *)(((uintptr_t)at + huge - 1) & ~(huge - 1));
	madvise(at, size, MADV_HUGEPAGE);
	aligned[0] = 1;
	if (read_own(PAGES_PAGEMAP_SCAN, &runs) < 0)
		skip();
	uint32_t states = states_at(&runs, aligned + 100 * PAGE);
	if (states) /* the machine may have no huge page to spare */
		assert_int_equal(states, PLATFORM_PAGE_PRESENT | PLATFORM_PAGE_HUGE);
	assert_int_equal(states_at(&runs, aligned) & PLATFORM_PAGE_PRESENT, PLATFORM_PAGE_PRESENT);
	munmap(at, size);
	platform_runs_finish(&runs);
}

static void test_sparse_reservations_are_quick(void **state)
{
	struct platform_runs runs = { 0 };
	size_t size = 1ull << 42; /* 4 TiB: 8 GiB of pagemap */
	char *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		skip();
	uint64_t before = platform_now_ns();
	if (read_own(PAGES_PAGEMAP, &runs) == 0)
		assert_true(platform_now_ns() - before < 2000000000ull);
	munmap(at, size);
	platform_runs_finish(&runs);
}

static void test_no_better_source_than_allowed(void **state)
{
	struct platform_runs runs = { 0 };
	struct platform_process p;
	struct platform_mappings list = { 0 };
	assert_int_equal(platform_process_init(&p, getpid(), NULL), 0);
	assert_int_equal(platform_read_mappings(&p, &list), 0);
	p.best_source = PAGES_SMAPS;
	assert_int_equal(platform_read_pages(&p, &list, &runs), -EACCES);
	assert_int_equal(runs.count, 0);
	platform_mappings_finish(&list);
	platform_process_finish(&p);
}

static void test_runs_never_overlap(void **state)
{
	struct platform_runs runs = { 0 };
	assert_int_equal(platform_runs_append(&runs, 0x1000, 0x3000, PLATFORM_PAGE_PRESENT), 0);
	assert_int_equal(platform_runs_append(&runs, 0x3000, 0x4000, PLATFORM_PAGE_PRESENT), 0);
	assert_int_equal(runs.count, 1);
	assert_int_equal(platform_runs_append(&runs, 0x2000, 0x5000, PLATFORM_PAGE_PRESENT | PLATFORM_PAGE_HUGE), 0);
	assert_int_equal(runs.count, 2);
	assert_int_equal(runs.items[1].start, 0x4000);
	assert_int_equal(platform_runs_append(&runs, 0x1000, 0x2000, PLATFORM_PAGE_PRESENT), 0);
	assert_int_equal(platform_runs_append(&runs, 0x8000, 0x9000, 0), 0);
	assert_int_equal(runs.count, 2);
	platform_runs_finish(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_by_scan), cmocka_unit_test(test_states_by_pagemap),
		cmocka_unit_test(test_many_regions_by_scan), cmocka_unit_test(test_many_regions_by_pagemap),
		cmocka_unit_test(test_huge_pages_by_scan), cmocka_unit_test(test_sparse_reservations_are_quick),
		cmocka_unit_test(test_no_better_source_than_allowed), cmocka_unit_test(test_runs_never_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
