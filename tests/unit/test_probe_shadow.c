/* SPDX-License-Identifier: MIT */
/* The shadow map and the recording of blocks, against a map of the test's own. The
 * "blocks" are addresses; nothing is ever read there but glibc headers of real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_attach.h"
#include "../../probes/record.h"

#include <stdlib.h>
#include <string.h>

static int attach(void **state)
{
	fake_attach();
	heap_sizing = HEAP_ASK;
	real.malloc_usable_size = NULL; /* footprint = requested unless a test says more */
	return 0;
}

static int detach(void **state)
{
	fake_detach();
	return 0;
}

static struct recorder recorder(void)
{
	struct recorder r;
	assert_true(recorder_begin(&r));
	return r;
}

static struct shadow_block block_at(uintptr_t a)
{
	struct record_place at = record_find((void *)a);
	assert_non_null(at.word);
	return shadow_decode(at.word, *at.word);
}

static void sizes_survive_encoding(void **state)
{
	static const size_t requested[] = { 0, 1, 8, 15, 16, 17, 24, 4096, 131070, 131071, 131072,
					    1u << 20, (size_t)5 << 32 };
	static const size_t slack[] = { 0, 8, 15, 16383, 16384, 1u << 20 };
	for (size_t i = 0; i < sizeof requested / sizeof *requested; i++)
		for (size_t j = 0; j < sizeof slack / sizeof *slack; j++) {
			size_t footprint = requested[i] + slack[j];
			uint32_t words[WIRE_LONG_WORDS] = { 0 };
			if (footprint < 8)
				continue;
			words[0] = shadow_encode(words, requested[i], footprint, 5, 77);
			struct shadow_block b = shadow_decode(words, words[0]);
			assert_int_equal(b.requested, requested[i]);
			if (footprint > 16)
				assert_int_equal(b.footprint, footprint);
			assert_int_equal(words[0] >> WIRE_HEAP_SHIFT & WIRE_HEAP_MASK, 5);
			assert_int_equal(words[0] & WIRE_STACK_MASK, 77);
			for (int w = 1; w < WIRE_LONG_WORDS; w++)
				assert_false(words[1] & WIRE_LIVE);
		}
}

static void neighbours_in_both_planes_stay_apart(void **state)
{
	const uintptr_t base = 0x7f0000001000;
	for (uintptr_t i = 0; i < 64; i++)
		record_block(recorder(), (void *)(base + 8 * i), 8 - i % 8, 8, 0);
	for (uintptr_t i = 0; i < 64; i++)
		assert_int_equal(block_at(base + 8 * i).requested, 8 - i % 8);
	char *leaf = shadow_find_leaf(base);
	assert_int_equal(*shadow_flags(leaf, base), WIRE_PAGE_EVER | WIRE_PAGE_CHANGED | WIRE_PAGE_ODD);
	assert_int_equal(probe.control->heaps[0].tiny_footprint[8], 8);
}

static void last_block_of_a_region_spills(void **state)
{
	const uintptr_t a = 0x7f0002000000 - 16;
	record_block(recorder(), (void *)a, 1u << 20, 1u << 20, 0);
	record_block(recorder(), (void *)(a - 8), 8, 8, 0); /* plane B's first words are elsewhere */
	assert_int_equal(block_at(a).requested, 1u << 20);
	assert_int_equal(block_at(a - 8).requested, 8);
	assert_int_equal(probe.control->leaf_count, 2); /* and the region that it reaches into has a leaf too */
}

static void counters_and_live_follow(void **state)
{
	struct recorder r = recorder();
	record_alloc(r, (void *)0x10000, 100000);
	record_alloc(r, (void *)0x40000, 50);
	record_free(r, (void *)0x10000, record_find((void *)0x10000));
	assert_int_equal(r.t->allocated_bytes, 100050);
	assert_int_equal(r.t->freed_bytes, 100000);
	assert_int_equal(probe.control->live_bytes + r.t->delta_bytes, 50);
	assert_in_range(probe.control->live_peak_bytes, 100000, 100050);
	assert_null(record_find((void *)0x10000).word);
}

static void the_end_of_a_maximum_asks_for_a_snapshot(void **state)
{
	struct recorder r = recorder();
	for (uintptr_t i = 1; i <= 100; i++)
		record_alloc(r, (void *)(i << 20), 10000);
	assert_int_equal(fake_calls.requests, 0);
	for (uintptr_t i = 1; i <= 3; i++)
		record_free(r, (void *)(i << 20), record_find((void *)(i << 20)));
	assert_true(fake_calls.requests >= 1);
	assert_int_equal(fake_calls.last_kind, WIRE_REQUEST_LIVE_PEAK | PROBE_READ_FIRST);
	unsigned before = fake_calls.requests;
	probe.control->live_trigger_bytes = 2000000; /* the collector has this maximum */
	for (uintptr_t i = 4; i <= 50; i++)
		record_free(r, (void *)(i << 20), record_find((void *)(i << 20)));
	assert_int_equal(fake_calls.requests, before);
}

static void doubles_and_unknowns_are_counted(void **state)
{
	struct recorder r = recorder();
	record_alloc(r, (void *)0x5000, 64);
	record_alloc(r, (void *)0x5000, 64);
	assert_int_equal(r.t->double_allocations, 1);
	record_unknown(r, (void *)0x6000, false, (void *)0x1234);
	record_unknown(r, (void *)0x6000, true, (void *)0x1234);
	assert_int_equal(r.t->unknown_frees, 1);
	assert_int_equal(r.t->unknown_reallocs, 1);
	assert_int_equal(probe.control->unknowns[0].caller, 0x1234);
	assert_int_equal(probe.control->unknowns[0].count, 2);
	record_early((void *)0x7000);
	record_unknown(r, (void *)0x7000, false, NULL);
	assert_int_equal(r.t->before_hooks_frees, 1);
	assert_int_equal(r.t->unknown_frees, 1);
}

static void freed_pages_are_remembered_and_forgotten(void **state)
{
	struct recorder r = recorder();
	const uintptr_t a = 0x7f0001ffe000; /* crosses into the next region */
	record_alloc(r, (void *)a, 0x6000);
	record_free(r, (void *)a, record_find((void *)a));
	for (uintptr_t page = a; page < a + 0x6000; page += 0x1000)
		assert_true(*shadow_flags(shadow_find_leaf(page), page) & WIRE_PAGE_EVER);
	assert_int_equal(probe.control->leaf_count, 2);
	shadow_forget_pages(a + 1, 0x3000); /* whole pages inside only: two */
	const bool ever[] = { true, false, false, true, true, true };
	for (int i = 0; i < 6; i++) {
		uintptr_t page = a + 0x1000 * (uintptr_t)i;
		assert_int_equal(!!(*shadow_flags(shadow_find_leaf(page), page) & WIRE_PAGE_EVER), ever[i]);
	}
}

static void a_copy_is_the_same_heap(void **state)
{
	struct recorder r = recorder();
	record_alloc(r, (void *)0x7f0000000010, 24);
	record_alloc(r, (void *)0x550000000010, 1u << 21);
	record_block(r, (void *)0x7f0000003008, 8, 8, 0);
	record_alloc(r, (void *)0x7f0000005000, 10);
	record_free(r, (void *)0x7f0000005000, record_find((void *)0x7f0000005000));
	char *copy, *old = probe.base;
	assert_int_equal(fake_new_map(&copy), 0);
	assert_int_equal(shadow_copy(copy, old), 0);
	probe.base = copy;
	probe.control = (struct wire_control *)copy;
	probe.directory = (uint32_t *)(copy + WIRE_OFF_DIRECTORY);
	shadow_unmap(old);
	assert_int_equal(block_at(0x7f0000000010).requested, 24);
	assert_int_equal(block_at(0x550000000010).requested, 1u << 21);
	assert_int_equal(block_at(0x7f0000003008).requested, 8);
	assert_null(record_find((void *)0x7f0000005000).word);
	assert_int_equal(probe.control->live_bytes, 24 + (1 << 21));
}

static void a_shrunk_reservation_ends_recording_not_the_program(void **state)
{
	struct recorder r = recorder();
	record_alloc(r, (void *)0x7f0000000010, 24);
	shadow_shrink_reservation();
	record_alloc(r, (void *)0x7f0000000080, 24); /* an open leaf goes on */
	assert_int_equal(fake_calls.off_reason, WIRE_REASON_NONE);
	record_alloc(r, (void *)0x600000000010, 24);
	assert_int_equal(fake_calls.off_reason, WIRE_REASON_LEAVES);
}

static void the_hot_path_books_what_the_cold_one_does(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its malloc is not glibc's: there is no chunk header in front of a block */
#endif
	heap_sizing = HEAP_GLIBC;
	struct recorder r = recorder();
	void *first = malloc(1); /* makes the heap's leaf */
	record_alloc(r, first, 1);
	record_free(r, first, record_find(first));
	free(first);
	r.t->flush_bytes = 65536;
	for (size_t n = 0; n < 5000; n += 7) {
		void *p = malloc(n);
		if (record_hot_alloc(p, n)) {
			struct shadow_block b = block_at((uintptr_t)p);
			assert_int_equal(b.requested, n);
			assert_true(b.footprint >= n + 8 && b.footprint <= n + 40);
			if (!record_hot_free(p))
				record_free(r, p, record_find(p));
			assert_null(record_find(p).word);
		}
		free(p);
	}
	assert_true(r.t->allocations > 300);
	assert_int_equal(r.t->allocations, r.t->frees);
	assert_int_equal(r.t->allocated_bytes, r.t->freed_bytes);
	assert_false(record_hot_free((void *)0x123450));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, attach, detach)
	const struct CMUnitTest tests[] = {
		CASE(sizes_survive_encoding), CASE(neighbours_in_both_planes_stay_apart),
		CASE(last_block_of_a_region_spills), CASE(counters_and_live_follow),
		CASE(the_end_of_a_maximum_asks_for_a_snapshot), CASE(doubles_and_unknowns_are_counted),
		CASE(freed_pages_are_remembered_and_forgotten), CASE(a_copy_is_the_same_heap),
		CASE(a_shrunk_reservation_ends_recording_not_the_program),
		CASE(the_hot_path_books_what_the_cold_one_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
