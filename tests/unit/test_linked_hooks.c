/* SPDX-License-Identifier: MIT */
/*
 * The hooks of linked allocators, called as the stubs call them, with a fake allocator behind
 * them: its blocks are addresses that nothing is written to.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_attach.h"
#include "../../probes/linked_hooks.h"
#include "../../probes/linked_sizes.h"
#include "../../probes/patch.h"
#include "../../probes/record.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

extern const char __executable_start[], etext[];

#define BASE 0x7f0000000000ull
#define HEAP 3u
#define FAILS 0

typedef uint64_t hook_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, struct linked_entry *);

/* What the fake allocator does next, and what it saw. */
static struct {
	uint64_t returns;
	int error;
	uint64_t arguments[5];
	unsigned calls;
	uint32_t inner_kind;      /* calls this entry itself, with inner_argument */
	uint64_t inner_argument;
	bool saw_inside;
	uint64_t inflight;
	bool word_is_live;        /* of `watched`, at the time of the call */
	uint64_t watched;
	bool jumps;
} fake;
static jmp_buf out;

static uint64_t fake_inner(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)a, (void)b, (void)c, (void)d, (void)e;
	return fake.returns;
}

static uint64_t call(uint32_t kind, struct linked_entry *x, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	hook_fn *hook = (hook_fn *)(uintptr_t)linked_hook_for(kind);
	assert_non_null(hook);
	x->kind = kind;
	return hook(a, b, c, d, e, x);
}

static __attribute__((noinline)) bool seen_from_a_callee(void)
{
	return linked_is_inside();
}

static uint64_t fake_real(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const uint64_t arguments[] = { a, b, c, d, e };
	memcpy(fake.arguments, arguments, sizeof arguments);
	fake.calls++;
	fake.saw_inside = seen_from_a_callee();
	fake.inflight = probe_thread_slot ? probe_thread_slot->inflight_address : 0;
	if (fake.watched)
		fake.word_is_live = record_find((void *)(uintptr_t)fake.watched).word != NULL;
	if (fake.inner_kind) {
		struct linked_entry x = { .real = fake_inner, .heap = HEAP };
		call(fake.inner_kind, &x, fake.inner_argument, 0, 0, 0, 0);
	}
	if (fake.jumps)
		longjmp(out, 1);
	errno = fake.error;
	return fake.returns;
}

static struct linked_entry entry = { .real = fake_real, .heap = HEAP };

static uint64_t run(uint32_t kind, uint64_t returns, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	fake.returns = returns;
	return call(kind, &entry, a, b, c, d, e);
}

static int attach(void **state)
{
	fake_attach();
	memset(&fake, 0, sizeof fake);
	linked_inside = 0;
	heap_sizing = HEAP_GLIBC; /* of heap 0: no header may be looked for in front of these blocks */
	probe.control->heaps[HEAP].state = WIRE_HEAP_FOLLOWED;
	linked_sizes_init(HEAP, &probe.control->heaps[HEAP], size_rules_find(WIRE_FAMILY_JEMALLOC, ""), NULL, NULL);
	(void)state;
	return 0;
}

static int detach(void **state)
{
	(void)state;
	fake_detach();
	return 0;
}

static struct wire_thread *thread(void)
{
	struct wire_thread *t = probe_thread();
	assert_non_null(t);
	return t;
}

static int64_t live(void)
{
	return probe.control->live_bytes + thread()->delta_bytes;
}

static void assert_block(uint64_t address, size_t requested, size_t footprint)
{
	struct record_place at = record_find((void *)(uintptr_t)address);
	assert_non_null(at.word);
	struct shadow_block b = shadow_decode(at.word, *at.word);
	assert_int_equal(b.requested, requested);
	if (footprint > 16)
		assert_int_equal(b.footprint, footprint);
	else
		assert_int_equal(probe.control->heaps[HEAP].tiny_footprint[requested], footprint);
	assert_int_equal(*at.word >> WIRE_HEAP_SHIFT & WIRE_HEAP_MASK, HEAP);
}

static void assert_no_block(uint64_t address)
{
	assert_null(record_find((void *)(uintptr_t)address).word);
}

/* The first block makes the leaf and the thread's slot: the ones behind it are hot. */
static void warm_up(void)
{
	run(WIRE_ENTRY_MALLOC, BASE + 0x100000, 64, 0, 0, 0, 0);
	run(WIRE_ENTRY_FREE, 0, BASE + 0x100000, 0, 0, 0, 0);
	thread()->flush_bytes = 65536;
	probe_thread_flush(thread());
	thread()->flush_bytes = 65536;
}

static void every_new_kind_books_what_was_asked(void **state)
{
	static const struct { uint32_t kind; uint64_t a, b, c, d; size_t bytes, footprint; } calls[] = {
		{ WIRE_ENTRY_MALLOC, 100, 0, 0, 0, 100, 112 },
		{ WIRE_ENTRY_MALLOC, 0, 0, 0, 0, 0, 8 },
		{ WIRE_ENTRY_MALLOC, 8, 0, 0, 0, 8, 8 },
		{ WIRE_ENTRY_MALLOC, 9, 0, 0, 0, 9, 16 },
		{ WIRE_ENTRY_MALLOC, 100000, 0, 0, 0, 100000, 114688 },
		{ WIRE_ENTRY_MALLOC, 20000, 0, 0, 0, 20000, 20480 },
		{ WIRE_ENTRY_CALLOC, 10, 33, 0, 0, 330, 384 },
		{ WIRE_ENTRY_ALIGNED_ALLOC, 64, 100, 0, 0, 100, 128 },
		{ WIRE_ENTRY_MALLOC_ALIGNED, 100, 64, 0, 0, 100, 128 },
		{ WIRE_ENTRY_VALLOC, 100, 64, 0, 0, 100, 4096 },
		{ WIRE_ENTRY_VALLOC, 5000, 0, 0, 0, 5000, 8192 },
		{ WIRE_ENTRY_PVALLOC, 100, 0, 0, 0, 4096, 4096 },
		{ WIRE_ENTRY_MALLOC_ALIGNED, 100, 8, 0, 0, 100, 112 },
		{ WIRE_ENTRY_CALLOC_ALIGNED, 10, 10, 64, 0, 100, 128 },
		{ WIRE_ENTRY_MALLOCX, 100, 6, 0, 0, 100, 128 },
		{ WIRE_ENTRY_MALLOCX, 100, 0x40, 0, 0, 100, 112 }, /* a flag, no alignment */
		{ WIRE_ENTRY_CTX_MALLOC, 1, 100, 0, 0, 100, 112 },
		{ WIRE_ENTRY_CTX_CALLOC, 1, 10, 10, 0, 100, 112 },
	};
	for (int warm = 0; warm < 2; warm++) {
		for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
			int64_t before = warm ? live() : 0;
			uint64_t at = BASE + 0x200000 * (i + 1), allocations = warm ? thread()->allocations : 0;
			assert_int_equal(run(calls[i].kind, at, calls[i].a, calls[i].b, calls[i].c, calls[i].d, 55), at);
			assert_block(at, calls[i].bytes, calls[i].footprint);
			assert_int_equal(fake.arguments[0], calls[i].a);
			assert_int_equal(fake.arguments[4], 55);
			assert_true(fake.saw_inside);
			assert_false(linked_is_inside());
			if (!warm)
				warm_up();
			else
				assert_int_equal(live() - before, calls[i].bytes);
			if (warm)
				assert_int_equal(thread()->allocations - allocations, 1);
			run(WIRE_ENTRY_FREE, 0, at, 0, 0, 0, 0);
			assert_no_block(at);
		}
	}
	assert_int_equal(live(), 0);
	assert_int_equal(thread()->unknown_frees + thread()->double_allocations, 0);
	(void)state;
}

static void tiny_blocks_lie_in_both_planes(void **state)
{
	warm_up();
	for (uint64_t i = 0; i < 64; i++)
		run(WIRE_ENTRY_MALLOC, BASE + 8 * i, i % 9, 0, 0, 0, 0);
	for (uint64_t i = 0; i < 64; i++)
		assert_block(BASE + 8 * i, i % 9, 8);
	/* one that was aligned is larger than its size tells, and must not change the others */
	run(WIRE_ENTRY_MALLOC_ALIGNED, BASE + 0x1000, 1, 16, 0, 0, 0);
	assert_int_equal(probe.control->heaps[HEAP].tiny_footprint[1], 8);
	for (uint64_t i = 0; i < 64; i++)
		run(WIRE_ENTRY_FREE, 0, BASE + 8 * i, 0, 0, 0, 0);
	run(WIRE_ENTRY_FREE, 0, BASE + 0x1000, 0, 0, 0, 0);
	assert_int_equal(live(), 0);
	assert_int_equal(thread()->unknown_frees, 0);
	char *leaf = shadow_find_leaf(BASE);
	assert_int_equal(*shadow_flags(leaf, BASE), WIRE_PAGE_EVER | WIRE_PAGE_CHANGED | WIRE_PAGE_ODD);
	(void)state;
}

static void failures_book_nothing_and_keep_errno(void **state)
{
	warm_up();
	uint64_t before = thread()->allocations;
	fake.error = ENOMEM;
	errno = 0;
	assert_int_equal(run(WIRE_ENTRY_MALLOC, FAILS, 100, 0, 0, 0, 0), 0);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(run(WIRE_ENTRY_CALLOC, FAILS, UINT64_MAX, 16, 0, 0, 0), 0);
	assert_int_equal(run(WIRE_ENTRY_MALLOC_ALIGNED, FAILS, UINT64_MAX, 4096, 0, 0, 0), 0);
	fake.error = 77;
	run(WIRE_ENTRY_MALLOC, 0x100000000 + 0x10, 100, 0, 0, 0, 0); /* makes a leaf */
	assert_int_equal(errno, 77);
	run(WIRE_ENTRY_FREE, 0, 0x100000000 + 0x10, 0, 0, 0, 0);
	assert_int_equal(errno, 77);
	assert_int_equal(thread()->allocations, before + 1);
	(void)state;
}

static void posix_memalign_leaves_its_block_in_memory(void **state)
{
	void *got = (void *)(uintptr_t)(BASE + 0x1000);
	assert_int_equal(run(WIRE_ENTRY_POSIX_MEMALIGN, 0, (uint64_t)(uintptr_t)&got, 256, 100, 0, 0), 0);
	assert_block(BASE + 0x1000, 100, 256);
	got = (void *)(uintptr_t)(BASE + 0x2000);
	assert_int_equal(run(WIRE_ENTRY_POSIX_MEMALIGN, ENOMEM, (uint64_t)(uintptr_t)&got, 256, 100, 0, 0), ENOMEM);
	assert_no_block(BASE + 0x2000);
	(void)state;
}

static void a_free_clears_the_word_first(void **state)
{
	run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0);
	fake.watched = BASE;
	run(WIRE_ENTRY_CTX_FREE, 0, 1, BASE, 100, 0, 0);
	assert_false(fake.word_is_live);
	assert_int_equal(fake.arguments[1], BASE);
	run(WIRE_ENTRY_FREE, 0, 0, 0, 0, 0, 0);
	assert_int_equal(fake.calls, 3); /* NULL too */
	assert_int_equal(thread()->frees, 1);
	(void)state;
}

static void a_block_of_another_heap_is_found(void **state)
{
	struct recorder r;
	assert_true(recorder_begin(&r));
	record_sized(r, (void *)(uintptr_t)BASE, 5000, 5120, 1);
	run(WIRE_ENTRY_FREE, 0, BASE, 0, 0, 0, 0);
	assert_no_block(BASE);
	assert_int_equal(thread()->unknown_frees, 0);
	assert_int_equal(live(), 0);
	(void)state;
}

static void unknown_frees_name_their_caller(void **state)
{
	warm_up();
	run(WIRE_ENTRY_FREE, 0, BASE + 0x40, 0, 0, 0, 0);
	assert_int_equal(thread()->unknown_frees, 1);
	/* a return address of the caller, not of the stack */
	assert_in_range(probe.control->unknowns[0].caller, (uintptr_t)__executable_start, (uintptr_t)etext);
	assert_int_equal(probe.control->unknowns[0].count, 1);
	run(WIRE_ENTRY_REALLOC, BASE + 0x80, BASE + 0x40, 50, 0, 0, 0);
	assert_int_equal(thread()->unknown_reallocs, 1);
	assert_block(BASE + 0x80, 50, 64);
	record_early((void *)(uintptr_t)(BASE + 0x999000));
	run(WIRE_ENTRY_FREE, 0, BASE + 0x999000, 0, 0, 0, 0);
	assert_int_equal(thread()->unknown_frees, 1);
	assert_int_equal(thread()->before_hooks_frees, 1);
	(void)state;
}

static void an_inner_call_counts_once(void **state)
{
	warm_up();
	uint64_t before = thread()->allocations;
	fake.inner_kind = WIRE_ENTRY_MALLOC;
	fake.inner_argument = 4000;
	run(WIRE_ENTRY_CALLOC, BASE, 1, 100, 0, 0, 0);
	assert_int_equal(thread()->allocations, before + 1);
	assert_int_equal(thread()->double_allocations, 0);
	assert_block(BASE, 100, 112);
	uint64_t frees = thread()->frees;
	fake.inner_kind = WIRE_ENTRY_FREE;
	fake.inner_argument = BASE;
	run(WIRE_ENTRY_FREE, 0, BASE, 0, 0, 0, 0);
	assert_int_equal(thread()->unknown_frees, 0);
	assert_int_equal(thread()->frees, frees + 1);
	assert_false(linked_is_inside());
	(void)state;
}

static void a_jump_out_does_not_last(void **state)
{
	warm_up();
	fake.jumps = true;
	if (setjmp(out) == 0)
		run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0);
	fake.jumps = false;
	assert_true(linked_inside != 0);
	run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0); /* from the same depth */
	assert_block(BASE, 100, 112);
	assert_int_equal(linked_inside, 0);
	(void)state;
}

/* A thread's end by pthread_exit() unwinds as an exception does. */
static uint64_t unwinding_real(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)a, (void)b, (void)c, (void)d, (void)e;
	pthread_exit(NULL);
}

static uintptr_t inside_after;
static void look_inside(void *arg)
{
	inside_after = linked_inside;
	(void)arg;
}

static void *unwind(void *arg)
{
	struct linked_entry x = { .real = unwinding_real, .heap = HEAP };
	const uint32_t *kind = arg;
	pthread_cleanup_push(look_inside, NULL);
	call(*kind, &x, BASE, 300, 0, 0, 0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void an_exception_resets_and_restores(void **state)
{
	static uint32_t kinds[] = { WIRE_ENTRY_MALLOC, WIRE_ENTRY_REALLOC };
	warm_up();
	run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0);
	for (int i = 0; i < 2; i++) {
		pthread_t t;
		inside_after = 1;
		assert_int_equal(pthread_create(&t, NULL, unwind, &kinds[i]), 0);
		pthread_join(t, NULL);
		assert_int_equal(inside_after, 0);
		assert_block(BASE, 100, 112);
	}
	(void)state;
}

static void realloc_moves_a_block(void **state)
{
	static const struct { uint32_t kind; uint64_t a, b, c, d; size_t footprint; } calls[] = {
		{ WIRE_ENTRY_REALLOC, BASE, 300, 0, 0, 320 },
		{ WIRE_ENTRY_REALLOC_ALIGNED, BASE, 300, 256, 0, 512 },
		{ WIRE_ENTRY_RECALLOC, BASE, 3, 100, 0, 320 },
		{ WIRE_ENTRY_RALLOCX, BASE, 300, 8, 0, 512 },
		{ WIRE_ENTRY_CTX_REALLOC, 1, BASE, 300, 0, 320 },
		{ WIRE_ENTRY_CTX_REALLOC_OLD, 1, BASE, 100, 300, 320 },
	};
	warm_up();
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct wire_thread *t = thread();
		run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0);
		uint64_t allocations = t->allocations, frees = t->frees;
		fake.watched = BASE;
		uint64_t got = run(calls[i].kind, BASE + 0x3000, calls[i].a, calls[i].b, calls[i].c, calls[i].d, 9);
		fake.watched = 0;
		assert_int_equal(got, BASE + 0x3000);
		assert_false(fake.word_is_live);
		assert_int_equal(fake.inflight, BASE);
		assert_int_equal(t->inflight_address, 0);
		assert_no_block(BASE);
		assert_block(BASE + 0x3000, 300, calls[i].footprint);
		assert_int_equal(t->allocations, allocations + 1);
		assert_int_equal(t->frees, frees + 1);
		assert_int_equal(live(), 300);
		run(WIRE_ENTRY_FREE, 0, BASE + 0x3000, 0, 0, 0, 0);
	}
	(void)state;
}

static void a_failed_realloc_changes_nothing(void **state)
{
	warm_up();
	run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0);
	struct wire_thread before = *thread();
	fake.error = ENOMEM;
	assert_int_equal(run(WIRE_ENTRY_REALLOC, FAILS, BASE, 1 << 20, 0, 0, 0), 0);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(run(WIRE_ENTRY_RALLOCX, FAILS, BASE, 0, 0, 0, 0), 0);
	assert_int_equal(run(WIRE_ENTRY_RECALLOC, FAILS, BASE, UINT64_MAX, 16, 0, 0), 0);
	assert_block(BASE, 100, 112);
	assert_memory_equal(&before, thread(), offsetof(struct wire_thread, inflight_requested));
	assert_int_equal(before.delta_bytes, thread()->delta_bytes);
	(void)state;
}

static void realloc_to_nothing_frees(void **state)
{
	warm_up();
	run(WIRE_ENTRY_MALLOC, BASE, 100, 0, 0, 0, 0);
	assert_int_equal(run(WIRE_ENTRY_REALLOC, FAILS, BASE, 0, 0, 0, 0), 0);
	assert_no_block(BASE);
	assert_int_equal(live(), 0);
	assert_int_equal(thread()->allocations, thread()->frees);
	run(WIRE_ENTRY_REALLOC, BASE, 0, 100, 0, 0, 0); /* and of nothing allocates */
	assert_block(BASE, 100, 112);
	assert_int_equal(thread()->unknown_reallocs, 0);
	(void)state;
}

static void shrinking_in_place_leaves_dirty_pages(void **state)
{
	run(WIRE_ENTRY_MALLOC, BASE, 5 * 4096, 0, 0, 0, 0);
	run(WIRE_ENTRY_REALLOC, BASE, BASE, 100, 0, 0, 0);
	assert_block(BASE, 100, 112);
	char *leaf = shadow_find_leaf(BASE);
	for (uint64_t page = 0; page < 5; page++)
		assert_true(*shadow_flags(leaf, BASE + 4096 * page) & WIRE_PAGE_EVER);
	assert_int_equal(thread()->double_allocations, 0);
	(void)state;
}

static void xallocx_resizes_or_does_not(void **state)
{
	warm_up();
	run(WIRE_ENTRY_MALLOC, BASE, 20000, 0, 0, 0, 0);
	assert_int_equal(run(WIRE_ENTRY_XALLOCX, 20480, BASE, 30000, 0, 0, 0), 20480);
	assert_block(BASE, 20000, 20480);
	assert_int_equal(live(), 20000);
	assert_int_equal(run(WIRE_ENTRY_XALLOCX, 40960, BASE, 30000, 10960, 0, 0), 40960);
	assert_block(BASE, 30000, 40960);
	assert_int_equal(live(), 30000);
	assert_int_equal(run(WIRE_ENTRY_XALLOCX, 16384, BASE, 16000, 0, 0, 0), 16384);
	assert_block(BASE, 16000, 16384);
	assert_int_equal(thread()->double_allocations, 0);
	assert_int_equal(thread()->allocations, thread()->frees + 1);
	(void)state;
}

static size_t fake_usable(void *p)
{
	return (uintptr_t)p & 0x1000 ? 0 : 1000;
}

static void footprints_without_rules_are_learned(void **state)
{
	linked_sizes_init(HEAP, &probe.control->heaps[HEAP], NULL, fake_usable, NULL);
	run(WIRE_ENTRY_MALLOC, BASE, 900, 0, 0, 0, 0);
	assert_block(BASE, 900, 1000);
	assert_int_equal(linked_footprint_hot(HEAP, 897), 1000);
	run(WIRE_ENTRY_MALLOC, BASE + 0x1000, 500, 0, 0, 0, 0); /* it does not say: a guess */
	assert_block(BASE + 0x1000, 500, 512);
	linked_sizes_init(HEAP, &probe.control->heaps[HEAP], NULL, NULL, NULL);
	run(WIRE_ENTRY_MALLOC, BASE + 0x2000, 50, 0, 0, 0, 0);
	assert_block(BASE + 0x2000, 50, 64);
	(void)state;
}

static void mimalloc_keeps_a_class_in_place(void **state)
{
	linked_sizes_init(HEAP, &probe.control->heaps[HEAP], size_rules_find(WIRE_FAMILY_MIMALLOC, ""), NULL, NULL);
	run(WIRE_ENTRY_MALLOC, BASE, 1024, 0, 0, 0, 0);
	run(WIRE_ENTRY_REALLOC, BASE, BASE, 700, 0, 0, 0);
	assert_block(BASE, 700, 1024);
	run(WIRE_ENTRY_REALLOC, BASE + 0x3000, BASE, 700, 0, 0, 0);
	assert_block(BASE + 0x3000, 700, 768);
	(void)state;
}

static void hooks_without_recording_forward(void **state)
{
	warm_up();
	uint64_t allocations = thread()->allocations;
	probe.on = 0; /* as in a forked child that has no shadow */
	assert_int_equal(run(WIRE_ENTRY_MALLOC, BASE, 100, 2, 3, 4, 5), BASE);
	assert_int_equal(run(WIRE_ENTRY_REALLOC, BASE + 64, BASE, 100, 0, 0, 0), BASE + 64);
	assert_int_equal(run(WIRE_ENTRY_XALLOCX, 112, BASE, 100, 0, 0, 0), 112);
	run(WIRE_ENTRY_FREE, 0, BASE, 0, 0, 0, 0);
	assert_int_equal(fake.calls, 2 + 4);
	probe.on = 1;
	assert_int_equal(thread()->allocations, allocations);
	assert_no_block(BASE);
	(void)state;
}

static void kinds_that_are_only_called_have_no_hook(void **state)
{
	assert_null(linked_hook_for(WIRE_ENTRY_NONE));
	for (uint32_t kind = WIRE_ENTRY_MALLOC; kind < WIRE_ENTRY_HOOKED; kind++)
		assert_non_null(linked_hook_for(kind));
	assert_null(linked_hook_for(WIRE_ENTRY_USABLE_SIZE));
	assert_null(linked_hook_for(WIRE_ENTRY_MALLCTL));
	assert_null(linked_hook_for(UINT32_MAX));
	(void)state;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, attach, detach)
	const struct CMUnitTest tests[] = {
		CASE(every_new_kind_books_what_was_asked), CASE(tiny_blocks_lie_in_both_planes),
		CASE(failures_book_nothing_and_keep_errno), CASE(posix_memalign_leaves_its_block_in_memory),
		CASE(a_free_clears_the_word_first), CASE(a_block_of_another_heap_is_found),
		CASE(unknown_frees_name_their_caller), CASE(an_inner_call_counts_once),
		CASE(a_jump_out_does_not_last), CASE(an_exception_resets_and_restores),
		CASE(realloc_moves_a_block), CASE(a_failed_realloc_changes_nothing),
		CASE(realloc_to_nothing_frees), CASE(shrinking_in_place_leaves_dirty_pages),
		CASE(xallocx_resizes_or_does_not), CASE(footprints_without_rules_are_learned),
		CASE(mimalloc_keeps_a_class_in_place), CASE(hooks_without_recording_forward),
		CASE(kinds_that_are_only_called_have_no_hook),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
