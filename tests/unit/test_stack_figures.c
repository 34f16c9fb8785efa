/* SPDX-License-Identifier: MIT */
/*
 * Who holds the bytes, who pins the pages: over made-up pages, over a shadow with planted
 * blocks beside the classification that makes the ledger, and by drawing samples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "page_classify.h"
#include "shadow_writer.h"
#include "stack_figures.h"
#include "stack_schedule.h"

#include <errno.h>
#include <math.h>

#define PAGE 4096ull
#define BASE 0x7f0000000000ull
#define REGION_PAGES 8192u

struct scene {
	struct shadow_writer w;
	struct shadow_view *v;
	struct platform_mappings mappings;
	struct platform_runs runs;
	struct classify_result r;
	struct stack_figures *f;
	struct stack_figure *rows;
	size_t count;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	shadow_writer_init(&s->w);
	if (shadow_view_create(s->w.fd, &s->v) < 0 || stack_figures_create(WIRE_STACKS_ALL, 0, &s->f) < 0)
		return -1;
	s->w.fd = -1;
	s->mappings.items = calloc(4, sizeof *s->mappings.items);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	shadow_writer_finish(&s->w);
	shadow_view_destroy(s->v);
	stack_figures_destroy(s->f);
	free(s->rows);
	platform_mappings_finish(&s->mappings);
	platform_runs_finish(&s->runs);
	classify_result_finish(&s->r);
	free(s);
	return 0;
}

static void map(struct scene *s, uint64_t start, uint64_t end)
{
	s->mappings.items[s->mappings.count++] = (struct platform_mapping){ .start = start, .end = end, .perms = "rw-p", .name = "" };
}

static void reside(struct scene *s, uint64_t start, uint64_t end)
{
	assert_int_equal(platform_runs_append(&s->runs, start, end, PLATFORM_PAGE_PRESENT), 0);
}

static uint32_t *head_of(struct scene *s, uint64_t a)
{
	unsigned char *plane = shadow_writer_leaf(&s->w, a) + (a & 8 ? WIRE_LEAF_PLANE_B : WIRE_LEAF_PLANE_A);
	return (uint32_t *)(void *)plane + (a >> WIRE_GRANULE_SHIFT) % WIRE_GRANULES;
}

static void alloc(struct scene *s, uint64_t a, uint64_t requested, uint64_t footprint, uint32_t stack)
{
	shadow_writer_alloc(&s->w, a, requested, footprint);
	*head_of(s, a) |= stack;
}

static void scan_for(struct scene *s, bool few_stacks)
{
	struct classify_input in = { .mappings = &s->mappings, .runs = &s->runs, .shadow = s->v,
				     .each_page = stack_figures_note_page, .each_page_arg = s->f };
	stack_figures_clear(s->f);
	assert_int_equal(shadow_view_scan(s->v), 0);
	assert_int_equal(page_classify(&in, &s->r), 0);
	shadow_blocks_each_page(s->v, few_stacks, stack_figures_add_page, s->f);
	assert_int_equal(stack_figures_error(s->f), 0);
	free(s->rows);
	assert_int_equal(stack_figures_rows(s->f, &s->rows, &s->count), 0);
}

static void scan(struct scene *s)
{
	scan_for(s, false);
}

static const struct stack_figure *row(struct scene *s, uint32_t stack)
{
	static const struct stack_figure none;
	for (size_t i = 0; i < s->count; i++)
		if (s->rows[i].stack == stack)
			return &s->rows[i];
	return &none;
}

static int64_t pinned_sum(struct scene *s)
{
	int64_t sum = 0;
	for (size_t i = 0; i < s->count; i++)
		sum += s->rows[i].pinned_bytes;
	return sum;
}

static int64_t dirty_sum(struct scene *s)
{
	int64_t sum = 0;
	for (size_t i = 0; i < s->count; i++)
		sum += s->rows[i].dirty_bytes;
	return sum;
}

static void test_a_survivor_pins_its_page(void **state)
{
	struct scene *s = *state;
	map(s, BASE, BASE + 64 * PAGE);
	reside(s, BASE, BASE + 64 * PAGE);
	for (unsigned i = 0; i < 10; i++)
		alloc(s, BASE + i * PAGE + 512, 100, 112, 7);
	for (unsigned i = 0; i < 40; i++)
		alloc(s, BASE + 20 * PAGE + i * 96, 90, 96, 8);
	scan(s);
	assert_int_equal(row(s, 7)->pinned_bytes, 10 * (4096 - 112));
	assert_int_equal(row(s, 7)->pinned_pages, 10);
	assert_int_equal(row(s, 7)->live_bytes, 1000);
	assert_int_equal(row(s, 7)->live_blocks, 10);
	assert_int_equal(row(s, 7)->rounding_bytes, 120);
	assert_int_equal(row(s, 7)->live_error_bytes, -1);
	assert_int_equal(row(s, 8)->pinned_bytes, 4096 - 40 * 96);
	assert_int_equal(pinned_sum(s), s->r.bytes[LEDGER_T_fragmentation]);
}

static void test_owners_share_by_their_bytes(void **state)
{
	struct scene *s = *state;
	map(s, BASE, BASE + 4 * PAGE);
	reside(s, BASE, BASE + 4 * PAGE);
	alloc(s, BASE, 290, 300, 1);
	alloc(s, BASE + 1024, 90, 100, 2);
	alloc(s, BASE + 2048, 100, 100, 2);
	alloc(s, BASE + 3072, 96, 100, 0); /* without a stack */
	scan(s);
	/* 3496 free bytes in six parts: 1748; 582.67 and 582.67; 582.67: rounded along the page */
	assert_int_equal(row(s, 1)->pinned_bytes, 1748);
	assert_int_equal(row(s, 2)->pinned_bytes, 582 + 583);
	assert_int_equal(row(s, 0)->pinned_bytes, 583);
	assert_int_equal(row(s, 1)->pinned_pages, 1);
	assert_int_equal(row(s, 2)->pinned_pages, 0);
	assert_int_equal(row(s, 0)->live_blocks, 1);
	assert_int_equal(pinned_sum(s), 3496);
	assert_int_equal(pinned_sum(s), s->r.bytes[LEDGER_T_fragmentation]);
}

/* Only resident pages are pinned; a block over many pages pins its first and last. */
static void test_long_blocks_and_untouched_pages(void **state)
{
	struct scene *s = *state;
	uint64_t at = BASE + REGION_PAGES * PAGE - 3 * PAGE + 1024, size = 6 * PAGE; /* into the next leaf */
	map(s, BASE, BASE + 2 * REGION_PAGES * PAGE);
	reside(s, BASE + 100 * PAGE, BASE + 101 * PAGE);
	reside(s, at - 1024, at - 1024 + 7 * PAGE);
	alloc(s, BASE + 100 * PAGE, 64, 64, 3);
	alloc(s, BASE + 101 * PAGE, 64, 64, 3); /* not resident */
	alloc(s, at, size - 8, size, 5);
	alloc(s, BASE + 5000 * PAGE, 900 << 10, 900 << 10, 6); /* not resident at all */
	scan(s);
	assert_int_equal(row(s, 3)->live_bytes, 128);
	assert_int_equal(row(s, 3)->pinned_bytes, 4032);
	assert_int_equal(row(s, 5)->pinned_bytes, 1024 + 3072);
	assert_int_equal(row(s, 5)->pinned_pages, 2);
	assert_int_equal(row(s, 6)->live_bytes, 900 << 10);
	assert_int_equal(row(s, 6)->pinned_bytes, 0);
	assert_int_equal(pinned_sum(s), s->r.bytes[LEDGER_T_fragmentation]);
}

static void test_dirty_pages_go_to_the_last_that_held_them(void **state)
{
	struct scene *s = *state;
	map(s, BASE, BASE + 100 * PAGE);
	reside(s, BASE, BASE + 100 * PAGE);
	for (unsigned i = 0; i < 4; i++) {
		alloc(s, BASE + i * 1024, 1000, 1024, 10 + i % 2);
		shadow_writer_free(&s->w, BASE + i * 1024);
	}
	/* small blocks of an earlier time inside a block that was freed later */
	for (unsigned i = 0; i < 64; i++) {
		alloc(s, BASE + 12 * PAGE + i * 64, 64, 64, 9);
		shadow_writer_free(&s->w, BASE + 12 * PAGE + i * 64);
	}
	alloc(s, BASE + 10 * PAGE, 20 * PAGE, 20 * PAGE, 12);
	shadow_writer_free(&s->w, BASE + 10 * PAGE);
	/* it begins behind a live block, and the pages behind are dirty */
	alloc(s, BASE + 40 * PAGE, 500, 512, 13);
	alloc(s, BASE + 40 * PAGE + 512, 8 * PAGE, 8 * PAGE, 14);
	shadow_writer_free(&s->w, BASE + 40 * PAGE + 512);
	scan(s);
	assert_int_equal(row(s, 10)->dirty_bytes, 2048);
	assert_int_equal(row(s, 11)->dirty_bytes, 2048);
	assert_int_equal(row(s, 12)->dirty_bytes, 20 * PAGE);
	assert_int_equal(row(s, 9)->dirty_bytes, 0);
	assert_int_equal(row(s, 14)->dirty_bytes, 8 * PAGE);
	assert_int_equal(row(s, 14)->live_bytes, 0);
	assert_int_equal(row(s, 13)->pinned_bytes, 4096 - 512);
	assert_int_equal(dirty_sum(s), s->r.bytes[LEDGER_T_retained_dirty]);
}

static void test_both_planes_ascend_together(void **state)
{
	struct scene *s = *state;
	for (unsigned tag = 1; tag <= 8; tag++)
		s->w.control->heaps[0].tiny_footprint[tag] = 8;
	map(s, BASE, BASE + 2 * PAGE);
	reside(s, BASE, BASE + 2 * PAGE);
	for (unsigned i = 0; i < 512; i++)
		alloc(s, BASE + i * 8, 8, 8, 1 + i % 2);
	for (unsigned i = 0; i < 512; i += 2)
		shadow_writer_free(&s->w, BASE + i * 8);
	for (unsigned i = 0; i < 512; i++) {
		alloc(s, BASE + PAGE + i * 8, 8, 8, 3 + i % 2);
		shadow_writer_free(&s->w, BASE + PAGE + i * 8);
	}
	scan(s);
	assert_int_equal(row(s, 1)->live_bytes, 0);
	assert_int_equal(row(s, 2)->live_bytes, 2048);
	assert_int_equal(row(s, 2)->pinned_bytes, 2048);
	assert_int_equal(row(s, 3)->dirty_bytes, 2048);
	assert_int_equal(row(s, 4)->dirty_bytes, 2048);
}

/* A heap of 40,000 blocks of all sizes, most of them freed again, against a plain record. */
static void test_random_heap_sums_exactly(void **state)
{
	struct scene *s = *state;
	static int64_t live[500], blocks[500], rounding[500];
	uint64_t at = BASE, end = BASE + 3 * REGION_PAGES * PAGE;
	srand(1);
	map(s, BASE, end);
	while (at < end - (2 << 20)) {
		uint64_t size = rand() % 50 ? 17 + (uint64_t)rand() % 4000 : (uint64_t)rand() % (1 << 20) + 200;
		uint64_t footprint = (size + 15) & ~15ull;
		uint32_t stack = (uint32_t)rand() % 500;
		alloc(s, at, size, footprint, stack);
		if (rand() % 4)
			shadow_writer_free(&s->w, at);
		else {
			live[stack] += (int64_t)size;
			rounding[stack] += (int64_t)(footprint - size);
			blocks[stack]++;
		}
		at += footprint + (uint64_t)(rand() % 3) * 16;
	}
	for (uint64_t p = BASE; p < end; p += PAGE)
		if (rand() % 5)
			reside(s, p, p + PAGE);
	scan(s);
	assert_int_equal(pinned_sum(s), s->r.bytes[LEDGER_T_fragmentation]);
	assert_true(pinned_sum(s) > 1 << 20);
	assert_true(dirty_sum(s) > 1 << 20);
	assert_true(dirty_sum(s) <= s->r.bytes[LEDGER_T_retained_dirty]);
	assert_true(dirty_sum(s) >= s->r.bytes[LEDGER_T_retained_dirty] / 100 * 99);
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(row(s, i)->live_bytes, live[i]);
		assert_int_equal(row(s, i)->live_blocks, blocks[i]);
		assert_int_equal(row(s, i)->rounding_bytes, rounding[i]);
	}
	/* with few rows the rest is in one, and the sums are the same */
	int64_t whole = pinned_sum(s), dirty = dirty_sum(s);
	assert_int_equal(stack_figures_cut(s->rows, &s->count, 500), 0);
	assert_int_equal(s->count, 500);
	assert_int_equal(s->rows[499].stack, 499);
	assert_int_equal(stack_figures_cut(s->rows, &s->count, 20), 0);
	assert_true(s->count <= 4 * 20 + 1 && s->count > 20);
	assert_int_equal(s->rows[s->count - 1].stack, STACK_REST);
	assert_int_equal(pinned_sum(s), whole);
	assert_int_equal(dirty_sum(s), dirty);
	for (uint32_t i = 0, most = 0; i < 500; i++) {
		unsigned above = 0;
		for (uint32_t k = 0; k < 500; k++)
			above += live[k] > live[i];
		most += above < 20;
		if (above < 20)
			assert_int_equal(row(s, i)->live_bytes, live[i]);
		assert_true(i < 499 || most >= 20);
	}
}

/* With few stacks most pages are passed over, and the figures are the same. */
static void test_few_stacks_give_the_same_figures(void **state)
{
	struct scene *s = *state;
	struct stack_figure before[20];
	uint64_t at = BASE, end = BASE + REGION_PAGES * PAGE;
	srand(4);
	stack_figures_destroy(s->f);
	assert_int_equal(stack_figures_create(WIRE_STACKS_SAMPLED, 100000, &s->f), 0);
	map(s, BASE, end + REGION_PAGES * PAGE);
	reside(s, BASE, end);
	for (unsigned n = 0; at < end - (2 << 20); n++) {
		uint64_t size = rand() % 30 ? 17 + (uint64_t)rand() % 3000 : (uint64_t)rand() % 40000 + 200, footprint = (size + 15) & ~15ull;
		alloc(s, at, size, footprint, rand() % 40 ? 0 : 1 + (uint32_t)rand() % 20);
		if (n / 40 % 2 || rand() % 8 == 0)
			shadow_writer_free(&s->w, at);
		at += footprint + (uint64_t)(rand() % 10 ? 0 : rand() % 64 * 256);
	}
	scan_for(s, false);
	for (uint32_t i = 0; i < 20; i++)
		before[i] = *row(s, i + 1);
	scan_for(s, true);
	assert_int_equal(s->count, 20);
	for (uint32_t i = 0; i < 20; i++) {
		const struct stack_figure *now = row(s, i + 1);
		assert_int_equal(now->live_bytes, before[i].live_bytes);
		assert_int_equal(now->live_blocks, before[i].live_blocks);
		assert_int_equal(now->live_error_bytes, before[i].live_error_bytes);
		assert_int_equal(now->dirty_bytes, before[i].dirty_bytes);
		assert_true(before[i].pinned_bytes > 1000 && before[i].dirty_bytes > 1000);
		assert_in_range(now->pinned_bytes, before[i].pinned_bytes - 1, before[i].pinned_bytes + 1);
	}
}

/* Words of a hostile target: nothing but the figures may be wrong. */
static void test_hostile_words(void **state)
{
	struct scene *s = *state;
	map(s, BASE, BASE + REGION_PAGES * PAGE);
	reside(s, BASE, BASE + REGION_PAGES * PAGE);
	shadow_writer_alloc(&s->w, BASE, 100, 112);
	srand(2);
	uint32_t *words = head_of(s, BASE);
	for (unsigned i = 0; i < WIRE_GRANULES; i++)
		words[i] = (uint32_t)rand() << 1 ^ (uint32_t)rand();
	memset(shadow_writer_flags(&s->w, BASE), 0xff, WIRE_PAGES);
	for (unsigned i = 0; i < WIRE_PAGES; i += 3) /* some pages of tombstones alone */
		for (unsigned k = 0; k < WIRE_PAGE_WORDS; k++)
			words[i * WIRE_PAGE_WORDS + k] &= ~WIRE_LIVE;
	scan(s);
	assert_int_equal(pinned_sum(s), s->r.bytes[LEDGER_T_fragmentation]);
	for (size_t i = 0; i < s->count; i++)
		assert_true(s->rows[i].live_bytes >= 0 && s->rows[i].rounding_bytes >= 0);
}

/* ---- sampling ------------------------------------------------------------------------- */

#define MEAN (16.0 * 1024)
#define SEEDS 400

static uint64_t seed;

static double draw(void) /* in [0, 1) */
{
	uint64_t x = seed += 0x9e3779b97f4a7c15ull; /* splitmix64 */
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

struct truth { double live, pinned, rounding, blocks; };

static uint32_t sampled_stack(uint64_t size)
{
	return draw() < 1 - exp(-(double)size / MEAN) ? 1 : 0;
}

/* Pages with two blocks each, and now and then a block over three pages. */
static struct truth fill(struct stack_figures *f, bool draws)
{
	struct truth t = { 0 };
	static struct shadow_page page;
	uint64_t sizes = 99, address = BASE;
	for (unsigned i = 0; i < 24000; i++) {
		sizes = sizes * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t a = 16 + (sizes >> 33) % 1200, b = 16 + (sizes >> 45) % 1200;
		bool is_long = i % 20 == 0;
		uint64_t long_size = PAGE + 3000 + b;
		page = (struct shadow_page){ .address = address, .live = true, .count = 2 };
		uint32_t second = draws ? sampled_stack(is_long ? long_size : b) : 1;
		page.parts[0] = (struct shadow_part){ draws ? sampled_stack(a) : 1, (uint32_t)a + 8, a, a + 8, true, false };
		page.parts[1] = (struct shadow_part){ second, (uint32_t)b + 8, b, b + 8, true, false };
		if (is_long)
			page.parts[1] = (struct shadow_part){ second, 2000, long_size, long_size + 8, true, true };
		page.live_footprint = page.parts[0].bytes + page.parts[1].bytes;
		stack_figures_note_page(f, address, LEDGER_T_fragmentation);
		stack_figures_add_page(f, &page);
		t.pinned += PAGE - page.live_footprint;
		t.live += (double)(a + (is_long ? long_size : b));
		t.rounding += 16;
		t.blocks += 2;
		address += PAGE;
		if (!is_long)
			continue;
		uint32_t left = (uint32_t)(long_size + 8 - 2000 - PAGE);
		page = (struct shadow_page){ .address = address, .live = true, .count = 1, .live_footprint = PAGE };
		page.parts[0] = (struct shadow_part){ second, PAGE, long_size, long_size + 8, false, true };
		stack_figures_note_page(f, address, LEDGER_T_fragmentation);
		stack_figures_add_page(f, &page);
		address += PAGE;
		page.address = address;
		page.parts[0] = (struct shadow_part){ second, left, long_size, long_size + 8, false, false };
		page.live_footprint = left;
		stack_figures_note_page(f, address, LEDGER_T_fragmentation);
		stack_figures_add_page(f, &page);
		t.pinned += PAGE - left;
		address += PAGE;
	}
	return t;
}

/* Within two standard errors as often as a normal distribution is, and right on average. */
static void test_sampled_figures_are_unbiased(void **state)
{
	struct stack_figures *f;
	struct stack_figure *rows;
	size_t count;
	unsigned live_hits = 0, pinned_hits = 0;
	double live = 0, pinned = 0, rounding = 0, blocks = 0, live_error = 0, pinned_error = 0;
	struct truth t = { 0 };
	assert_int_equal(stack_figures_create(WIRE_STACKS_SAMPLED, 0, &f), -EINVAL);
	assert_int_equal(stack_figures_create(WIRE_STACKS_SAMPLED, (uint64_t)MEAN, &f), 0);
	for (unsigned i = 0; i < SEEDS; i++) {
		seed = (uint64_t)i << 32;
		stack_figures_clear(f);
		t = fill(f, true);
		assert_int_equal(stack_figures_rows(f, &rows, &count), 0);
		assert_int_equal(count, 1); /* none for those without a stack */
		assert_int_equal(rows[0].stack, 1);
		live_hits += fabs((double)rows[0].live_bytes - t.live) <= 2 * (double)rows[0].live_error_bytes;
		pinned_hits += fabs((double)rows[0].pinned_bytes - t.pinned) <= 2 * (double)rows[0].pinned_error_bytes;
		live += (double)rows[0].live_bytes / SEEDS;
		pinned += (double)rows[0].pinned_bytes / SEEDS;
		rounding += (double)rows[0].rounding_bytes / SEEDS;
		blocks += (double)rows[0].live_blocks / SEEDS;
		live_error += (double)rows[0].live_error_bytes / SEEDS;
		pinned_error += (double)rows[0].pinned_error_bytes / SEEDS;
		free(rows);
	}
	stack_figures_destroy(f);
	print_message("live %.0f of %.0f +- %.0f, within two errors %u; pinned %.0f of %.0f +- %.0f, %u\n", live, t.live,
		      live_error, live_hits, pinned, t.pinned, pinned_error, pinned_hits);
	assert_true(live_hits >= SEEDS * 95 / 100 && pinned_hits >= SEEDS * 95 / 100);
	assert_true(fabs(live - t.live) < 3 * live_error / sqrt(SEEDS));
	assert_true(fabs(pinned - t.pinned) < 3 * pinned_error / sqrt(SEEDS));
	assert_true(fabs(rounding - t.rounding) < t.rounding / 20);
	assert_true(fabs(blocks - t.blocks) < t.blocks / 20);
}

/* ---- the schedule ---------------------------------------------------------------------- */

/* One after the other as the target grows from 1 MiB to 626 MiB within 10 s. */
static unsigned count_scans(uint64_t cost_ns, int64_t *ret_missed)
{
	struct stack_schedule s = { .start_ns = 0 };
	unsigned scans = 0;
	int64_t live = 1 << 20;
	for (uint64_t now = 0; now < 10000; now++, live += 1 << 16) {
		if (!stack_schedule_wants(&s, now * 1000000, TRIGGER_LIVE_PEAK, live, live))
			continue;
		stack_schedule_took(&s, cost_ns, live, live);
		scans++;
	}
	assert_false(stack_schedule_wants(&s, 10000000000ull, TRIGGER_TIMER, s.rss_bytes, s.live_bytes - 1));
	*ret_missed = live - s.live_bytes;
	return scans;
}

static void test_scans_stay_within_their_share(void **state)
{
	struct stack_schedule s = { .start_ns = 0 };
	int64_t missed;
	assert_true(stack_schedule_wants(&s, 1, TRIGGER_EXIT, 0, 0));
	assert_false(stack_schedule_wants(&s, 1, TRIGGER_PURGED, 1ll << 30, 1ll << 30));
	assert_int_equal(count_scans(40000, &missed), 10000); /* cheap: each new maximum */
	unsigned scans = count_scans(5000000, &missed);
	assert_in_range(scans, 124, 250); /* 620 ms of budget, and what is 10 % larger in any case */
	assert_in_range(missed, 0, 30 << 20);
	assert_in_range(count_scans(500000000, &missed), 2, 70); /* log 626 / log 1.1 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_survivor_pins_its_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owners_share_by_their_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_blocks_and_untouched_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dirty_pages_go_to_the_last_that_held_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_both_planes_ascend_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_heap_sums_exactly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_few_stacks_give_the_same_figures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_words, set_up, tear_down),
		cmocka_unit_test(test_sampled_figures_are_unbiased),
		cmocka_unit_test(test_scans_stay_within_their_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
