/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shadow_view.h"
#include "shadow_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE 0x7f0000000000ull /* begins a region */

struct fixture {
	struct shadow_writer w;
	struct shadow_view *v;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	shadow_writer_init(&f->w);
	if (shadow_view_create(f->w.fd, &f->v) < 0)
		return -1;
	f->w.fd = -1; /* the view's now */
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	shadow_writer_finish(&f->w);
	shadow_view_destroy(f->v);
	free(f);
	return 0;
}

static void scan(struct fixture *f)
{
	assert_int_equal(shadow_view_scan(f->v), 0);
}

static unsigned requested_at(struct fixture *f, uint64_t address)
{
	const struct shadow_pages *p = shadow_view_pages(f->v, address >> WIRE_REGION_SHIFT);
	return p ? p->live_requested[(address >> 12) % WIRE_PAGES] : 0;
}

static unsigned footprint_at(struct fixture *f, uint64_t address)
{
	const struct shadow_pages *p = shadow_view_pages(f->v, address >> WIRE_REGION_SHIFT);
	return p ? p->live_footprint[(address >> 12) % WIRE_PAGES] : 0;
}

static void test_small_blocks(void **state)
{
	struct fixture *f = *state;
	shadow_writer_alloc(&f->w, BASE + 0x10, 24, 32);
	shadow_writer_alloc(&f->w, BASE + 0x30, 100, 112);
	shadow_writer_alloc(&f->w, BASE + 0xff0, 5, 16); /* last granule of the page */
	scan(f);
	assert_int_equal(requested_at(f, BASE), 129);
	assert_int_equal(footprint_at(f, BASE), 32 + 112 + 16);
	assert_int_equal(shadow_view_live_bytes(f->v), 129);
}

static void test_odd_addresses_are_in_the_second_plane(void **state)
{
	struct fixture *f = *state;
	f->w.control->heaps[0].tiny_footprint[8] = 8;
	f->w.control->heaps[0].tiny_footprint[7] = 8;
	shadow_writer_alloc(&f->w, BASE, 8, 8);
	shadow_writer_alloc(&f->w, BASE + 8, 7, 8);
	scan(f);
	assert_int_equal(requested_at(f, BASE), 15);
	assert_int_equal(footprint_at(f, BASE), 16);
}

/* A word names its heap, and what 8 bytes take depends on that; there are no more than 8. */
static void test_tiny_blocks_of_two_heaps(void **state)
{
	struct fixture *f = *state;
	f->w.control->heaps[0].tiny_footprint[8] = 16;
	f->w.control->heaps[3].tiny_footprint[8] = 8;
	f->w.control->heaps[7].tiny_footprint[8] = 255; /* more than such a block can take */
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++) {
		uint64_t at = BASE + heap * 4096;
		shadow_writer_alloc(&f->w, at, 8, 8);
		*(uint32_t *)(void *)(shadow_writer_leaf(&f->w, at) + WIRE_LEAF_PLANE_A + heap * 1024) |= heap << WIRE_HEAP_SHIFT;
	}
	scan(f);
	assert_int_equal(footprint_at(f, BASE), 16);
	assert_int_equal(footprint_at(f, BASE + 3 * 4096), 8);
	assert_int_equal(footprint_at(f, BASE + 5 * 4096), 16); /* not seen: the most */
	assert_int_equal(footprint_at(f, BASE + 7 * 4096), 16);
	assert_int_equal(requested_at(f, BASE + 7 * 4096), 8);
}

static void test_a_block_crosses_pages_and_leaves(void **state)
{
	struct fixture *f = *state;
	uint64_t at = BASE + WIRE_REGION_BYTES - 4096 - 64, size = 3 * 4096;
	shadow_writer_alloc(&f->w, at, size - 100, size);
	scan(f);
	assert_int_equal(requested_at(f, at), 64);
	assert_int_equal(requested_at(f, at + 4096), 4096);
	assert_int_equal(requested_at(f, BASE + WIRE_REGION_BYTES), 4096);
	assert_int_equal(requested_at(f, BASE + WIRE_REGION_BYTES + 4096), size - 100 - 64 - 2 * 4096);
	assert_int_equal(footprint_at(f, BASE + WIRE_REGION_BYTES + 4096), 4096 - 64);
	assert_int_equal(requested_at(f, BASE + WIRE_REGION_BYTES + 8192), 0);
	assert_int_equal(shadow_view_live_bytes(f->v), size - 100);
}

static void test_long_sizes(void **state)
{
	struct fixture *f = *state;
	uint64_t size = 100ull << 20;
	shadow_writer_alloc(&f->w, BASE + 0x10, size, size + 4080);
	shadow_writer_alloc(&f->w, BASE + (300ull << 20), 40000, 40000 + 20000); /* slack beyond 14 bits */
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), size + 40000);
	assert_int_equal(requested_at(f, BASE), 4080);
	assert_int_equal(requested_at(f, BASE + (50ull << 20)), 4096);
	assert_int_equal(requested_at(f, BASE + size), 16);
	assert_int_equal(shadow_view_live_bytes_in(f->v, BASE + (299ull << 20), BASE + (400ull << 20)), 40000);
}

static void test_changes_are_seen_and_only_they_are_read(void **state)
{
	struct fixture *f = *state;
	shadow_writer_alloc(&f->w, BASE, 48, 48);
	shadow_writer_alloc(&f->w, BASE + 4096, 8000, 8192);
	scan(f);
	assert_int_equal(*shadow_writer_flags(&f->w, BASE), WIRE_PAGE_EVER);
	shadow_writer_free(&f->w, BASE + 4096);
	/* a word that changed without its flag stays unseen: the flag is what is read */
	uint32_t *word = (void *)(shadow_writer_leaf(&f->w, BASE) + WIRE_LEAF_PLANE_A);
	*word &= ~WIRE_LIVE;
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), 48);
	const struct shadow_pages *p = shadow_view_pages(f->v, BASE >> WIRE_REGION_SHIFT);
	assert_true(p->ever[0] && p->ever[1] && p->ever[2] && !p->ever[3]);
	assert_true(shadow_view_has_ever(f->v, BASE + 8192, BASE + 12288));
	assert_false(shadow_view_has_ever(f->v, BASE + 12288, BASE + (1ull << 40)));
}

static void test_without_barrier_everything_is_read(void **state)
{
	struct fixture *f = *state;
	f->w.control->membarrier = 0;
	shadow_writer_alloc(&f->w, BASE + 8, 100, 112);
	shadow_writer_alloc(&f->w, BASE + 4096, 48, 48);
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), 148);
	uint32_t *word = (void *)(shadow_writer_leaf(&f->w, BASE) + WIRE_LEAF_PLANE_A + 1024);
	*word &= ~WIRE_LIVE;
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), 100);
}

static void test_a_copied_shadow_is_read_in_full(void **state)
{
	struct fixture *f = *state;
	f->w.control->forked = 1;
	shadow_writer_alloc(&f->w, BASE + 64, 100, 112);
	*shadow_writer_flags(&f->w, BASE) &= (uint8_t)~WIRE_PAGE_CHANGED;
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), 100);
}

static void test_holes_are_not_read(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	scan(f); /* the head of the file is read, holes or not */
	shadow_writer_alloc(&f->w, BASE, 64 << 20, 64 << 20);
	shadow_writer_alloc(&f->w, BASE + (64 << 20), 100, 112);
	shadow_writer_free(&f->w, BASE); /* EVER on 16384 pages that have no words */
	f->w.control->membarrier = 0;
	int fd = -1; /* the view's descriptor, to see the file's blocks */
	for (int i = 3; i < 64 && fd < 0; i++)
		if (fstat(i, &before) == 0 && (uint64_t)before.st_size == WIRE_BYTES)
			fd = i;
	assert_true(fd >= 0);
	scan(f);
	assert_int_equal(fstat(fd, &after), 0);
	/* flags are two pages a leaf and always read; words would be 4096 pages here */
	assert_true(after.st_blocks - before.st_blocks <= 3 * 8);
	assert_int_equal(shadow_view_live_bytes(f->v), 100);
}

static void test_inflight_blocks_count(void **state)
{
	struct fixture *f = *state;
	shadow_writer_alloc(&f->w, BASE, 100, 112);
	f->w.control->thread_count = 2;
	f->w.threads[1].inflight_address = BASE + 4000;
	f->w.threads[1].inflight_requested = 10000;
	f->w.threads[1].inflight_footprint = 10016;
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), 10100);
	assert_int_equal(requested_at(f, BASE), 196);
	assert_int_equal(requested_at(f, BASE + 4096), 4096);
	f->w.threads[1].inflight_address = 0;
	scan(f);
	assert_int_equal(shadow_view_live_bytes(f->v), 100);
	assert_int_equal(requested_at(f, BASE + 4096), 0);
}

static void test_overlaps_are_cut_to_the_page(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 128; i++)
		shadow_writer_alloc(&f->w, BASE + i * 32, 4000, 4096);
	scan(f);
	assert_int_equal(requested_at(f, BASE), 4096);
	assert_int_equal(footprint_at(f, BASE), 4096);
	assert_true(requested_at(f, BASE + 4096) <= footprint_at(f, BASE + 4096));
}

static void fill_random(uint64_t *at, size_t bytes, uint64_t *seed)
{
	for (size_t i = 0; i < bytes / 8; i++) {
		*seed ^= *seed << 13;
		*seed ^= *seed >> 7;
		*seed ^= *seed << 17;
		at[i] = *seed;
	}
}

/* Random words under random flags in two adjacent leaves, a random head: no figure may
 * leave its bounds. Under ASan and UBSan this is the proof that nothing is trusted. */
static void test_hostile_content(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	shadow_writer_leaf(&f->w, BASE);
	shadow_writer_leaf(&f->w, BASE + WIRE_REGION_BYTES);
	for (int round = 0; round < 3; round++) {
		for (int leaf = 0; leaf < 2; leaf++)
			fill_random((void *)shadow_writer_leaf(&f->w, BASE + leaf * WIRE_REGION_BYTES), WIRE_LEAF_BYTES, &seed);
		fill_random((void *)f->w.threads, 512 * sizeof *f->w.threads, &seed);
		fill_random((void *)f->w.control, sizeof *f->w.control, &seed);
		f->w.control->membarrier = round & 1;
		f->w.control->leaf_count |= 2;
		if (round == 2)
			fill_random((void *)(f->w.base + WIRE_OFF_LEAVES), WIRE_LEAVES_MAX * 4, &seed);
		scan(f);
		assert_true(shadow_view_thread_count(f->v) <= WIRE_THREADS_MAX);
		int64_t live = shadow_view_live_bytes(f->v);
		assert_true(live > 0 && live <= 2 * (int64_t)WIRE_REGION_BYTES);
	}
	const struct shadow_pages *p = shadow_view_pages(f->v, BASE >> WIRE_REGION_SHIFT);
	assert_non_null(p);
	for (unsigned i = 0; i < WIRE_PAGES; i++)
		assert_true(p->live_requested[i] <= p->live_footprint[i] && p->live_footprint[i] <= 4096);
}

static void test_hostile_inflight_is_bounded(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 64; i++)
		shadow_writer_leaf(&f->w, BASE + i * WIRE_REGION_BYTES);
	f->w.control->thread_count = WIRE_THREADS_MAX;
	for (unsigned i = 0; i < WIRE_THREADS_MAX; i++) {
		f->w.threads[i].inflight_address = BASE + i;
		f->w.threads[i].inflight_requested = UINT64_MAX;
		f->w.threads[i].inflight_footprint = i & 1 ? 0 : UINT64_MAX;
	}
	scan(f); /* without a budget this would be a million leaves */
	assert_true(shadow_view_live_bytes(f->v) <= 64 * (int64_t)WIRE_REGION_BYTES);
}

static void test_wrong_files_are_refused(void **state)
{
	struct shadow_view *v = NULL;
	int small = memfd_create("small", MFD_ALLOW_SEALING), unsealed = memfd_create("unsealed", MFD_ALLOW_SEALING);
	int null = open("/dev/null", O_RDWR);
	assert_int_equal(ftruncate(small, 4096), 0);
	assert_int_equal(fcntl(small, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(ftruncate(unsealed, WIRE_BYTES), 0);
	assert_int_equal(shadow_view_create(small, &v), -EPROTO);
	assert_int_equal(shadow_view_create(unsealed, &v), -EPROTO);
	assert_int_equal(shadow_view_create(null, &v), -EPROTO);
	assert_null(v);
	close(small);
	close(unsealed);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_small_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd_addresses_are_in_the_second_plane, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tiny_blocks_of_two_heaps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_block_crosses_pages_and_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes_are_seen_and_only_they_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_barrier_everything_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_copied_shadow_is_read_in_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_holes_are_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_inflight_blocks_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_overlaps_are_cut_to_the_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_content, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_inflight_is_bounded, set_up, tear_down),
		cmocka_unit_test(test_wrong_files_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
