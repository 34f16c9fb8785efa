/* SPDX-License-Identifier: MIT */
/* What may be muzzy, by the events of the ring: only where something may is smaps read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shadow_writer.h"
#include "target_events.h"

#define AT 0x7f0000000000ull
#define PAGE 4096ull

struct fixture {
	struct shadow_writer w;
	struct shadow_view *shadow;
	struct target_events events;
	struct region_map records;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	shadow_writer_init(&f->w);
	assert_int_equal(shadow_view_create(f->w.fd, &f->shadow), 0);
	f->w.fd = -1; /* the view's */
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	target_events_finish(&f->events);
	region_map_finish(&f->records);
	shadow_view_destroy(f->shadow);
	shadow_writer_finish(&f->w);
	free(f);
	return 0;
}

static bool none_after(struct fixture *f, uint32_t kind, uint64_t address, uint64_t pages, uint64_t calls)
{
	shadow_writer_event(&f->w, kind, address, pages * PAGE, WIRE_OWNER_ALLOCATOR);
	target_events_take(&f->events, f->shadow, &f->records, NULL, NULL);
	return target_events_none_offered(&f->events, calls);
}

static void test_what_was_offered_and_is_gone(void **state)
{
	struct fixture *f = *state;
	assert_true(target_events_none_offered(&f->events, 0));
	assert_false(none_after(f, WIRE_EVENT_MADV_FREE, AT, 4, 1));
	assert_false(none_after(f, WIRE_EVENT_UNMAP, AT, 3, 1));
	assert_true(none_after(f, WIRE_EVENT_UNMAP, AT + 3 * PAGE, 1, 1));
	assert_false(none_after(f, WIRE_EVENT_MADV_FREE, AT, 1, 2));
	assert_true(none_after(f, WIRE_EVENT_DONTNEED, AT, 1, 2));
}

static void test_a_call_whose_event_was_lost_counts(void **state)
{
	struct fixture *f = *state;
	assert_false(target_events_none_offered(&f->events, 1));
	assert_false(none_after(f, WIRE_EVENT_MAP, AT, 1, 1));
}

static void test_a_forked_child_has_its_parents(void **state)
{
	struct fixture *f = *state;
	struct target_events child = { 0 };
	none_after(f, WIRE_EVENT_MADV_FREE, AT, 4, 1);
	assert_int_equal(target_events_inherit(&child, &f->events), 0);
	assert_false(target_events_none_offered(&child, 1));
	none_after(f, WIRE_EVENT_UNMAP, AT, 4, 1);
	assert_int_equal(target_events_inherit(&child, &f->events), 0);
	assert_true(target_events_none_offered(&child, 1));
	target_events_finish(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_was_offered_and_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_call_whose_event_was_lost_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_forked_child_has_its_parents, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
