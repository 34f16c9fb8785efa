/* SPDX-License-Identifier: MIT */
/* Sampling, folding, the table of stacks and its copy, and the id in a block's head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_attach.h"
#include "../../probes/record.h"
#include "../../probes/stack.h"
#include "../../probes/stack_fold.h"
#include "../../probes/stack_sample.h"
#include "../../probes/stack_table.h"

#include <string.h>
#include <sys/mman.h>

static void attach(enum wire_stack_mode mode, uint64_t mean_bytes)
{
	fake_attach();
	heap_sizing = HEAP_ASK;
	real.malloc_usable_size = NULL;
	struct wire_stacks *head = stack_table_head(probe.base);
	assert_int_equal(mprotect(head, 4096, PROT_READ | PROT_WRITE), 0);
	head->mode = mode;
	head->mean_bytes = mean_bytes;
	stack_start();
}

static const struct wire_stack_total *total_of(uint32_t id)
{
	return (const struct wire_stack_total *)(const void *)(probe.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_TOTALS) + id;
}

static uint32_t head_at(uintptr_t a)
{
	return *record_find((void *)a).word;
}

/* ---- sampling ----------------------------------------------------------------------- */

static void gaps_are_exponential(void **state)
{
	uint64_t random = 1, sum = 0, below = 0;
	for (int i = 0; i < 200000; i++) {
		uint64_t gap = stack_sample_gap(&random, 1000);
		assert_true(gap >= 1);
		sum += gap;
		below += gap <= 693; /* the median: 1000 x ln 2 */
	}
	assert_in_range(sum / 200000, 990, 1011);
	assert_in_range(below, 98500, 101500);
}

/* Of 2^53 at most, so that floating point is exact enough to compare with. */
static void weights_are_the_inverse_of_the_chance(void **state)
{
	static const struct { uint64_t bytes, mean; double weight; } known[] = {
		{ 1, 524288, 524288.5 }, { 100, 1000, 10.508331945 }, { 1000, 1000, 1.581976707 },
		{ 2500, 1000, 1.089425346 }, { 1u << 30, 1000, 1.0 },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint64_t random = 7, allocations = 0, bytes = 0;
		for (int n = 0; n < 100000; n++) {
			struct stack_weight w = stack_sample_weight(&random, known[i].bytes, known[i].mean);
			allocations += w.allocations;
			bytes += w.bytes;
		}
		double a = (double)allocations / 1e5 / known[i].weight;
		double b = (double)bytes / 1e5 / known[i].weight / (double)known[i].bytes;
		assert_true(a > 0.996 && a < 1.004);
		assert_true(b > 0.9999 && b < 1.0001);
	}
}

/* ---- folding ------------------------------------------------------------------------ */

static void exact_repeats_are_folded(void **state)
{
	uint64_t same[] = { 1, 2, 2, 2, 3 }, three[] = { 9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 4 }, none[] = { 1, 2, 1, 3, 1, 2 };
	const uint64_t same_left[] = { 1, 2, 3 }, three_left[] = { 9, 1, 2, 3, 4 };
	assert_int_equal(stack_fold(same, 5), 3);
	assert_memory_equal(same, same_left, sizeof same_left);
	assert_int_equal(stack_fold(three, 11), 5);
	assert_memory_equal(three, three_left, sizeof three_left);
	assert_int_equal(stack_fold(none, 6), 6);
	assert_int_equal(stack_fold(none, 0), 0);
}

/* ---- the table ---------------------------------------------------------------------- */

static void equal_stacks_have_one_id(void **state)
{
	attach(WIRE_STACKS_ALL, 0);
	const uint64_t a[] = { 10, 20, 30 }, b[] = { 11, 20, 30 }, c[] = { 20, 30 };
	uint32_t id = stack_table_find(a, 3);
	assert_int_not_equal(id, 0);
	assert_int_equal(stack_table_find(a, 3), id);
	uint32_t other = stack_table_find(b, 3), outer = stack_table_find(c, 2);
	assert_int_not_equal(other, id);
	const struct wire_stack_node *nodes = (const struct wire_stack_node *)(const void *)(probe.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_NODES);
	assert_int_equal(nodes[id].ip, 10);
	assert_int_equal(nodes[id].parent, outer);
	assert_int_equal(nodes[other].parent, outer);
	assert_int_equal(stack_table_head(probe.base)->nodes_used, 5);
	fake_detach();
}

/* Beyond a few windows, and the cache has to grow: nothing moves. */
static void many_stacks(void **state)
{
	enum { STACKS = 100000 };
	static uint32_t ids[STACKS];
	attach(WIRE_STACKS_ALL, 0);
	for (uint64_t i = 0; i < STACKS; i++) {
		const uint64_t ips[] = { 0x7f0000000000 + 4 * i, 0x400000 + i % 100, 5 };
		ids[i] = stack_table_find(ips, 3);
		assert_int_not_equal(ids[i], 0);
		stack_table_add(ids[i], 7, 1, 0);
	}
	for (uint64_t i = 0; i < STACKS; i++) {
		const uint64_t ips[] = { 0x7f0000000000 + 4 * i, 0x400000 + i % 100, 5 };
		assert_int_equal(stack_table_find(ips, 3), ids[i]);
		assert_int_equal(total_of(ids[i])->allocated_bytes, 7);
	}
	assert_int_equal(stack_table_head(probe.base)->nodes_used, 1 + STACKS + 100 + 1);
	fake_detach();
}

static void a_full_table_is_counted(void **state)
{
	attach(WIRE_STACKS_ALL, 0);
	const uint64_t known[] = { 1 }, fresh[] = { 2 };
	uint32_t id = stack_table_find(known, 1);
	stack_table_head(probe.base)->nodes_used = WIRE_STACK_NODES;
	assert_int_equal(stack_table_find(fresh, 1), 0);
	assert_int_equal(stack_table_find(known, 1), id);
	assert_int_equal(stack_table_head(probe.base)->lost, 1);
	assert_int_equal(stack_table_head(probe.base)->nodes_used, WIRE_STACK_NODES);
	fake_detach();
}

static void scribbled_chains_end(void **state)
{
	attach(WIRE_STACKS_ALL, 0);
	uint32_t *buckets = (uint32_t *)(void *)(probe.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_BUCKETS);
	for (int i = 0; i < 64; i++)
		buckets[i] = 0xfffffff0u;
	const uint64_t ips[] = { 1 };
	assert_int_not_equal(stack_table_find(ips, 1), 0);
	fake_detach();
}

/* Frames 64 apart, and repeated, must not cancel in the hash. */
static void deep_recursions_differ(void **state)
{
	uint64_t one[128], other[128], mixed[128];
	attach(WIRE_STACKS_ALL, 0);
	for (unsigned i = 0; i < 128; i++) {
		one[i] = 0x5555000 + 1;
		other[i] = 0x7777000 + 2;
		mixed[i] = i == 3 || i == 70 ? other[i] : one[i];
	}
	uint32_t a = stack_table_find(one, 128), b = stack_table_find(other, 128), c = stack_table_find(mixed, 128);
	assert_true(a && b && c && a != b && a != c && b != c);
	mixed[67] = other[67];
	mixed[70] = one[70];
	uint32_t d = stack_table_find(mixed, 128);
	assert_true(d && d != a && d != c);
	fake_detach();
}

/* Frames that were found before, outermost first, with one of the probe's own among them. */
static void frames_have_the_ids_of_their_stacks(void **state)
{
	static const uint64_t ips[] = { 50, 40, 30, 20, 10 };
	struct unwind_frame f[6] = { { .ip = 10 }, { .ip = 20 }, { .ip = 30 }, { .ip = 99, .own = true }, { .ip = 40 } };
	attach(WIRE_STACKS_ALL, 0);
	uint32_t outer = stack_table_find(ips + 1, 4);
	assert_int_equal(stack_table_find_again(f, 0, 5), outer);
	assert_int_equal(stack_table_find_again(f, 5, 5), outer);
	f[5].ip = 50;
	uint32_t whole = stack_table_find_again(f, 5, 6);
	assert_int_equal(stack_table_find(ips, 5), whole);
	f[5].ip = 51;
	assert_int_not_equal(stack_table_find_again(f, 4, 6), whole);
	fake_detach();
}

/* ---- blocks -------------------------------------------------------------------------- */

static void all_blocks_have_a_stack(void **state)
{
	const uintptr_t a = 0x7f0000001000;
	struct recorder r;
	attach(WIRE_STACKS_ALL, 0);
	assert_true(recorder_begin(&r));
	for (int i = 0; i < 100; i++)
		record_sized(r, (void *)(a + 64 * (uintptr_t)i), 40, 48, 0);
	uint32_t id = head_at(a) & WIRE_STACK_MASK;
	assert_int_not_equal(id, 0);
	assert_int_equal(head_at(a + 64 * 99) & WIRE_STACK_MASK, id);
	assert_int_equal(total_of(id)->allocated_bytes, 4000);
	assert_int_equal(total_of(id)->allocations, 100);
	assert_int_equal(r.t->stacks_taken, 100);
	record_resize(r, (void *)a, record_find((void *)a), 30);
	assert_int_equal(head_at(a) & WIRE_STACK_MASK, id);
	fake_detach();
}

static void without_stacks_there_are_none(void **state)
{
	struct recorder r;
	attach(WIRE_STACKS_NONE, 0);
	assert_true(recorder_begin(&r));
	record_sized(r, (void *)0x7f0000001000, 40, 48, 0);
	assert_int_equal(head_at(0x7f0000001000) & WIRE_STACK_MASK, 0);
	assert_true(r.t->sample_at_bytes == UINT64_MAX);
	fake_detach();
}

static void a_wild_mode_means_none(void **state)
{
	struct recorder r;
	attach((enum wire_stack_mode)77, 0);
	assert_true(recorder_begin(&r));
	assert_true(r.t->sample_at_bytes == UINT64_MAX);
	fake_detach();
}

/* 40,000 blocks of 100 bytes, one in 2,000 bytes: 1 - exp(-0.05) of them. */
static void samples_are_as_many_as_they_should_be(void **state)
{
	struct recorder r;
	attach(WIRE_STACKS_SAMPLED, 2000);
	assert_true(recorder_begin(&r));
	for (uintptr_t i = 0; i < 40000; i++)
		record_sized(r, (void *)(0x7f0000000000 + 128 * i), 100, 112, 0);
	assert_in_range(r.t->stacks_taken, 1951 - 220, 1951 + 220); /* five standard errors */
	fake_detach();
}

static void a_forked_childs_map_has_its_parents_stacks(void **state)
{
	char *own;
	const uint64_t ips[] = { 10, 20, 30 };
	attach(WIRE_STACKS_ALL, 0);
	uint32_t id = stack_table_find(ips, 3);
	stack_table_add(id, 123, 4, WIRE_STACK_CUT);
	char *parents = probe.base;
	assert_int_equal(fake_new_map(&own), 0);
	assert_int_equal(mprotect(own + WIRE_OFF_STACKS, 4096, PROT_READ | PROT_WRITE), 0);
	stack_table_head(own)->mode = WIRE_STACKS_ALL;
	probe.base = own;
	stack_start();
	assert_int_equal(shadow_copy(own, parents), 0);
	assert_int_equal(total_of(id)->allocated_bytes, 123);
	assert_int_equal(total_of(id)->flags, WIRE_STACK_CUT);
	assert_int_equal(stack_table_find(ips, 3), id);
	shadow_unmap(parents);
	probe.control = (struct wire_control *)own;
	fake_detach();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_exponential),
		cmocka_unit_test(weights_are_the_inverse_of_the_chance),
		cmocka_unit_test(exact_repeats_are_folded),
		cmocka_unit_test(equal_stacks_have_one_id),
		cmocka_unit_test(many_stacks),
		cmocka_unit_test(a_full_table_is_counted),
		cmocka_unit_test(scribbled_chains_end),
		cmocka_unit_test(deep_recursions_differ),
		cmocka_unit_test(frames_have_the_ids_of_their_stacks),
		cmocka_unit_test(all_blocks_have_a_stack),
		cmocka_unit_test(without_stacks_there_are_none),
		cmocka_unit_test(a_wild_mode_means_none),
		cmocka_unit_test(samples_are_as_many_as_they_should_be),
		cmocka_unit_test(a_forked_childs_map_has_its_parents_stacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
