/* SPDX-License-Identifier: MIT */
/* The precedence of terms on one page, over made-up mappings and page states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "page_classify.h"
#include "shadow_writer.h"

#define PAGE 4096ull
#define BASE 0x7f0000000000ull
#define PRESENT PLATFORM_PAGE_PRESENT

struct scene {
	struct shadow_writer w;
	struct shadow_view *v;
	struct platform_mappings mappings;
	struct platform_runs runs;
	struct region_map records;
	struct classify_thread threads[2];
	struct classify_input in;
	struct classify_result r;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	shadow_writer_init(&s->w);
	if (shadow_view_create(s->w.fd, &s->v) < 0)
		return -1;
	s->w.fd = -1;
	s->mappings.items = calloc(32, sizeof *s->mappings.items);
	s->in = (struct classify_input){ &s->mappings, &s->runs, s->v, &s->records, s->threads, 0, 0, NULL, NULL };
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	shadow_writer_finish(&s->w);
	shadow_view_destroy(s->v);
	platform_mappings_finish(&s->mappings);
	platform_runs_finish(&s->runs);
	region_map_finish(&s->records);
	classify_result_finish(&s->r);
	free(s);
	return 0;
}

static uint64_t at(unsigned page)
{
	return BASE + page * PAGE;
}

/* A mapping of pages [from, to). */
static void add(struct scene *s, unsigned from, unsigned to, const char *perms, const char *name)
{
	struct platform_mapping *m = &s->mappings.items[s->mappings.count++];
	*m = (struct platform_mapping){ .start = at(from), .end = at(to), .name = name, .shared = perms[3] == 's' };
	m->inode = *name == '/' ? 42 : 0;
	memcpy(m->perms, perms, 4);
}

static void states(struct scene *s, unsigned from, unsigned to, uint32_t what)
{
	assert_int_equal(platform_runs_append(&s->runs, at(from), at(to), what), 0);
}

static void ever(struct scene *s, unsigned page)
{
	*shadow_writer_flags(&s->w, at(page)) |= WIRE_PAGE_EVER;
}

static void run(struct scene *s)
{
	assert_int_equal(shadow_view_scan(s->v), 0);
	assert_int_equal(page_classify(&s->in, &s->r), 0);
}

static int64_t pages(const struct scene *s, enum ledger_term t)
{
	assert_int_equal(s->r.bytes[t] % (int64_t)PAGE, 0);
	return s->r.bytes[t] / (int64_t)PAGE;
}

static void test_live_block_before_everything(void **state)
{
	struct scene *s = *state;
	add(s, 0, 4, "rw-p", "");
	states(s, 0, 4, PRESENT);
	region_map_add(&s->records, at(0), at(4), WIRE_OWNER_PROGRAM);
	shadow_writer_alloc(&s->w, at(1) + 64, 1000, 1024);
	run(s);
	assert_int_equal(s->r.bytes[LEDGER_T_live_requested_resident], 1000);
	assert_int_equal(s->r.bytes[LEDGER_T_rounding], 24);
	assert_int_equal(s->r.bytes[LEDGER_T_fragmentation], PAGE - 1024);
	assert_int_equal(pages(s, LEDGER_T_program_mmap), 3);
	assert_int_equal(s->r.resident_bytes, 4 * PAGE);
}

static void test_program_mmap_before_tombstone_before_allocator(void **state)
{
	struct scene *s = *state;
	add(s, 0, 8, "rw-p", "");
	states(s, 0, 8, PRESENT);
	ever(s, 0);
	ever(s, 3);
	region_map_add(&s->records, at(0), at(2), WIRE_OWNER_PROGRAM);
	region_map_add(&s->records, at(2), at(6), WIRE_OWNER_ALLOCATOR);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_program_mmap), 2);
	assert_int_equal(pages(s, LEDGER_T_retained_dirty), 1);
	/* the rest of the chunk, and pages 6..7: an arena, for blocks were in this mapping */
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 5);
	assert_int_equal(s->r.mappings[0].dirty_bytes, PAGE);
}

static void test_huge_fill(void **state)
{
	struct scene *s = *state;
	add(s, 0, 512, "rw-p", "");
	states(s, 0, 512, PRESENT | PLATFORM_PAGE_HUGE);
	region_map_add(&s->records, at(0), at(512), WIRE_OWNER_ALLOCATOR);
	ever(s, 7);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_huge_fill), 511);
	assert_int_equal(pages(s, LEDGER_T_retained_dirty), 1);
	assert_int_equal(pages(s, LEDGER_T_anon_huge_pages), 512);
}

static void test_files_and_their_private_data(void **state)
{
	struct scene *s = *state;
	add(s, 0, 4, "r-xp", "/usr/lib/libx.so");
	add(s, 4, 6, "rw-p", "/usr/lib/libx.so");
	add(s, 6, 9, "rw-p", ""); /* .bss */
	add(s, 20, 22, "r-xp", "[vdso]");
	add(s, 22, 24, "r--p", "[vvar]");
	states(s, 0, 4, PRESENT | PLATFORM_PAGE_FILE);
	states(s, 4, 9, PRESENT);
	states(s, 20, 24, PRESENT);
	ever(s, 5); /* stale: a freed block lay here before the library was mapped */
	run(s);
	assert_int_equal(pages(s, LEDGER_T_file_backed), 4 + 5 + 2);
	assert_int_equal(pages(s, LEDGER_T_file_private_dirty), 5);
	assert_int_equal(s->r.resident_bytes, 11 * PAGE);
}

static void test_records_speak_for_what_merged_with_bss(void **state)
{
	struct scene *s = *state;
	add(s, 0, 1, "rw-p", "/usr/lib/libx.so");
	add(s, 1, 9, "rw-p", "");
	states(s, 0, 9, PRESENT);
	region_map_add(&s->records, at(3), at(9), WIRE_OWNER_PROGRAM);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_file_backed), 3);
	assert_int_equal(pages(s, LEDGER_T_program_mmap), 6);
}

static void test_the_probe(void **state)
{
	struct scene *s = *state;
	add(s, 0, 2, "r-xp", "/opt/memwhy/libmemwhy-probe.so");
	add(s, 2, 3, "rw-p", "/opt/memwhy/libmemwhy-probe.so");
	add(s, 3, 5, "rw-p", "");
	add(s, 10, 14, "rw-s", "/memfd:memwhy (deleted)");
	add(s, 20, 22, "r-xp", "/opt/memwhy/libmemwhy-probe.so.txt");
	add(s, 30, 31, "rw-p", "/opt/memwhy/libmemwhy-probe.so");
	add(s, 31, 32, "rw-p", "");
	add(s, 32, 33, "rw-p", ""); /* one page of .bss is advised: the rest is a mapping of its own */
	add(s, 33, 36, "rw-p", "");
	states(s, 0, 2, PRESENT | PLATFORM_PAGE_FILE);
	states(s, 2, 5, PRESENT);
	states(s, 10, 14, PRESENT | PLATFORM_PAGE_FILE);
	states(s, 20, 22, PRESENT | PLATFORM_PAGE_FILE);
	states(s, 30, 36, PRESENT);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_probe), 9 + 6);
	assert_int_equal(pages(s, LEDGER_T_file_backed), 2);
}

static void test_shared_memory(void **state)
{
	struct scene *s = *state;
	add(s, 0, 1, "rw-s", "/memfd:other (deleted)");
	add(s, 1, 2, "rw-s", "/dev/shm/x");
	add(s, 2, 3, "rw-s", "/SYSV00000000 (deleted)");
	add(s, 3, 4, "rw-s", "/dev/zero (deleted)");
	add(s, 4, 5, "rw-s", "[anon_shmem:name]");
	add(s, 5, 6, "rw-s", "/tmp/a file");
	add(s, 6, 7, "rw-s", "/dev/dri/card0");
	states(s, 0, 6, PRESENT | PLATFORM_PAGE_FILE);
	states(s, 6, 7, PRESENT); /* device memory: mapped, not in RSS */
	run(s);
	assert_int_equal(pages(s, LEDGER_T_shared_memory), 5);
	assert_int_equal(pages(s, LEDGER_T_file_backed), 1);
	assert_int_equal(s->r.resident_bytes, 6 * PAGE);
}

static void test_thread_stacks(void **state)
{
	struct scene *s = *state;
	add(s, 0, 1, "---p", "");
	add(s, 1, 20, "rw-p", ""); /* a stack up to page 9, and what merged with it above */
	add(s, 30, 31, "---p", "");
	add(s, 31, 40, "rw-p", ""); /* nobody's, but guarded: a stack in glibc's cache */
	add(s, 50, 55, "rw-p", "[stack]");
	add(s, 60, 64, "rw-p", "[anon:stack_and_tls:77]");
	add(s, 70, 74, "rw-p", ""); /* the main thread's TLS, made by ld.so */
	states(s, 5, 20, PRESENT);
	states(s, 38, 40, PRESENT);
	states(s, 54, 55, PRESENT);
	states(s, 63, 64, PRESENT);
	states(s, 70, 74, PRESENT);
	s->threads[0] = (struct classify_thread){ at(8) + 0x700, at(8) };
	s->threads[1] = (struct classify_thread){ at(73), at(54) };
	s->in.thread_count = 2;
	ever(s, 6); /* stale, below the guard: the stack is there now */
	region_map_add(&s->records, at(10), at(20), WIRE_OWNER_ALLOCATOR);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_stacks), 5 + 2 + 1 + 1 + 4);
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 10);
	assert_string_equal(mapping_kind_name(s->r.mappings[1].kind), "stack");
	assert_string_equal(mapping_kind_name(s->r.mappings[4].kind), "stack");
}

/* A stack may begin where an arena's heap would; what follows tells them apart. */
static void test_stack_at_a_heaps_place(void **state)
{
	enum { HEAP = (64 << 20) / PAGE };
	struct scene *s = *state;
	add(s, HEAP - 1, HEAP, "---p", "");
	add(s, HEAP, HEAP + 10, "rw-p", "");
	add(s, HEAP + 10, HEAP + 11, "---p", "");
	add(s, 2 * HEAP - 1, 2 * HEAP, "---p", "");
	add(s, 2 * HEAP, 2 * HEAP + 10, "rw-p", "");
	add(s, 2 * HEAP + 10, 3 * HEAP, "---p", "");
	states(s, HEAP + 3, HEAP + 10, PRESENT);
	states(s, 2 * HEAP, 2 * HEAP + 4, PRESENT);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_stacks), 7);
	assert_string_equal(mapping_kind_name(s->r.mappings[1].kind), "stack");
	assert_string_equal(mapping_kind_name(s->r.mappings[4].kind), "anon");
}

static void test_heap_and_unknown(void **state)
{
	struct scene *s = *state;
	add(s, 0, 4, "rw-p", "[heap]");
	add(s, 10, 14, "rw-p", "");
	states(s, 0, 4, PRESENT);
	states(s, 10, 14, PRESENT);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 4);
	assert_int_equal(s->r.resident_bytes, 8 * PAGE); /* four are nobody's: the remainder */
	s->in.shadow = NULL;
	s->in.records = NULL;
	assert_int_equal(page_classify(&s->in, &s->r), 0);
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 0);
	assert_int_equal(s->r.resident_bytes, 8 * PAGE);
}

static void test_a_block_on_the_move(void **state)
{
	struct scene *s = *state;
	add(s, 0, 100, "rw-p", "");
	states(s, 0, 41, PRESENT);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 0);
	assert_int_equal(s->r.mappings[0].unclaimed_bytes, 41 * PAGE);
	s->in.moving_bytes = 20 * PAGE; /* less than what lies there: somebody else's */
	run(s);
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 0);
	s->in.moving_bytes = 40 * PAGE;
	run(s);
	assert_int_equal(pages(s, LEDGER_T_allocator_metadata), 41);
	region_map_add(&s->records, at(0), at(100), WIRE_OWNER_PROGRAM);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_program_mmap), 41);
}

static void test_zero_swapped_doubtful(void **state)
{
	struct scene *s = *state;
	add(s, 0, 8, "rw-p", "");
	states(s, 0, 2, PRESENT | PLATFORM_PAGE_ZERO);
	states(s, 2, 4, PLATFORM_PAGE_SWAPPED);
	states(s, 4, 7, PRESENT | PLATFORM_PAGE_DOUBT);
	shadow_writer_alloc(&s->w, at(0), 8 * PAGE, 8 * PAGE);
	run(s);
	assert_int_equal(pages(s, LEDGER_T_live_requested_resident), 3);
	assert_int_equal(pages(s, LEDGER_T_live_swapped), 2);
	assert_int_equal(s->r.doubtful_bytes, 3 * PAGE);
	assert_int_equal(s->r.mappings[0].doubtful_bytes, 3 * PAGE);
	assert_int_equal(s->r.resident_bytes, 3 * PAGE);
}

/* Whatever the pages are, the terms never exceed what is resident. */
static void test_random_scenes_stay_within_rss(void **state)
{
	struct scene *s = *state;
	static const char *const names[] = { "", "", "", "[heap]", "/lib/a.so", "[stack]", "/memfd:memwhy", "[vvar]" };
	static const char *const perms[] = { "rw-p", "rw-p", "---p", "r-xp", "rw-s" };
	srand(7);
	for (int round = 0; round < 300; round++) {
		s->mappings.count = s->runs.count = 0;
		region_map_remove(&s->records, 0, UINT64_MAX);
		for (unsigned p = 0, i = 0; i < 24; i++) {
			unsigned size = 1 + (unsigned)rand() % 9;
			add(s, p, p + size, perms[rand() % 5], names[rand() % 8]);
			p += size + (unsigned)rand() % 2;
		}
		for (unsigned p = 0; p < 200; p++) {
			states(s, p, p + 1, (uint32_t)rand() % 64);
			if (rand() % 4 == 0)
				region_map_add(&s->records, at(p), at(p + 1 + (unsigned)rand() % 5), 1 + (unsigned)rand() % 2);
			if (rand() % 4 == 0)
				shadow_writer_alloc(&s->w, at(p) + 16 * ((unsigned)rand() % 255), (unsigned)rand() % 9000, 9008);
			if (rand() % 4 == 0)
				ever(s, p);
			s->threads[0].tls_address = at((unsigned)rand() % 200);
			s->threads[0].stack_hint = at((unsigned)rand() % 200);
			s->in.thread_count = 1;
		}
		run(s);
		int64_t sum = 0, resident = 0;
		for (int t = 0; t < LEDGER_TERMS; t++) {
			assert_true(s->r.bytes[t] >= 0);
			sum += ledger_term_infos[t].kind == LEDGER_SUM ? s->r.bytes[t] : 0;
		}
		for (size_t i = 0; i < s->mappings.count; i++)
			resident += s->r.mappings[i].resident_bytes;
		assert_true(sum <= s->r.resident_bytes);
		assert_int_equal(resident, s->r.resident_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_live_block_before_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_program_mmap_before_tombstone_before_allocator, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_huge_fill, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_and_their_private_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records_speak_for_what_merged_with_bss, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_probe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_thread_stacks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stack_at_a_heaps_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_heap_and_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_block_on_the_move, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zero_swapped_doubtful, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_scenes_stay_within_rss, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
