/* SPDX-License-Identifier: MIT */
/* request.c: the event ring and the bounded waits, with a control block that nobody, or
 * this test itself, answers. */
#include "../../probes/introspect.h"
#include "../../probes/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

union probe_page probe_page __attribute__((aligned(4096)));
struct life_facts life;

static struct { unsigned calls; uint32_t freeze, request_seq; } errands;

void introspect_run_errands(void)
{
	errands.calls++;
	errands.freeze = probe.control->freeze;
	errands.request_seq = probe.control->request_seq;
}

#define MS 1000000ull

static int set_up(void **state)
{
	char *base = mmap(NULL, WIRE_HEAD_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -1;
	memset(&probe, 0, sizeof probe);
	memset(&life, 0, sizeof life);
	probe.base = base;
	probe.control = (struct wire_control *)base;
	probe.on = 1;
	probe.pid = (uint32_t)getpid();
	return 0;
}

static int tear_down(void **state)
{
	return munmap(probe.base, WIRE_HEAD_BYTES);
}

static struct wire_event *event_at(uint64_t index)
{
	return (struct wire_event *)(probe.base + WIRE_OFF_EVENTS) + index % WIRE_EVENTS;
}

static void test_errands_come_first(void **state)
{
	errands.calls = 0;
	probe.control->freeze = WIRE_FREEZE_LOOK;
	assert_false(probe_request(WIRE_REQUEST_LIVE_PEAK | PROBE_READ_FIRST, true, 1));
	assert_int_equal(errands.calls, 1);
	assert_int_equal(errands.freeze, 1); /* the others hold still meanwhile */
	assert_int_equal(errands.request_seq, 0);
	assert_int_equal(probe.control->request_kinds, WIRE_REQUEST_LIVE_PEAK);
	assert_int_equal(probe.control->freeze, 0);
	assert_false(probe_request(WIRE_REQUEST_SHRINK, true, 1));
	assert_int_equal(errands.calls, 1);
}

/* Who asks an allocator neither waits nor asks. */
static void test_busy_thread_goes_on(void **state)
{
	introspect_busy = true;
	probe.control->freeze = 1;
	uint64_t start = life_now_ns();
	probe_freeze_wait();
	assert_false(probe_request(WIRE_REQUEST_SHRINK, true, 1000));
	introspect_busy = false;
	assert_true(life_now_ns() - start < 40 * MS);
	assert_int_equal(probe.control->freeze, 1);
	assert_int_equal(probe.control->request_seq, 0);
}

static void test_event_is_complete(void **state)
{
	probe_event(WIRE_EVENT_MAP, 0x1000, 0x2000, WIRE_OWNER_PROGRAM, 1);
	assert_int_equal(probe.control->event_head, 1);
	assert_int_equal(event_at(0)->seq, 1);
	assert_int_equal(event_at(0)->kind, WIRE_EVENT_MAP);
	assert_int_equal(event_at(0)->address, 0x1000);
	assert_int_equal(event_at(0)->length, 0x2000);
	assert_int_equal(event_at(0)->arg, WIRE_OWNER_PROGRAM);
	assert_int_equal(event_at(0)->flags, 1);
	assert_true(event_at(0)->time_ns > 0);
}

static void test_full_ring_loses_and_counts(void **state)
{
	for (uint64_t i = 0; i < WIRE_EVENTS + 5; i++)
		probe_event(WIRE_EVENT_UNMAP, i, 1, 0, 0);
	assert_int_equal(probe.control->event_head, WIRE_EVENTS);
	assert_int_equal(probe.control->lost_events, 5);
	/* the oldest are kept, for the collector has not seen them */
	assert_int_equal(event_at(0)->address, 0);
	assert_int_equal(event_at(WIRE_EVENTS - 1)->seq, WIRE_EVENTS);
	/* half full: one request, waited for by nobody */
	assert_int_equal(probe.control->request_seq, 1);
	assert_int_equal(probe.control->request_kinds, WIRE_REQUEST_EVENTS);
	probe.control->event_tail = 10;
	probe_event(WIRE_EVENT_UNMAP, 77, 1, 0, 0);
	assert_int_equal(event_at(WIRE_EVENTS)->address, 77);
	assert_int_equal(probe.control->lost_events, 5);
}

static void test_nothing_when_off(void **state)
{
	probe.on = 0;
	probe_event(WIRE_EVENT_MAP, 1, 1, 1, 1);
	assert_false(probe_request(WIRE_REQUEST_EXIT, true, 1000));
	assert_int_equal(probe.control->event_head, 0);
	assert_int_equal(probe.control->request_seq, 0);
}

static void test_waits_are_bounded_and_few(void **state)
{
	for (int i = 0; i < 3; i++) {
		uint64_t from = life_now_ns();
		errno = 17;
		assert_false(probe_request(WIRE_REQUEST_SHRINK, true, 20));
		assert_int_equal(errno, 17);
		assert_true(life_now_ns() - from >= 20 * MS);
	}
	assert_int_equal(probe.control->waits_timed_out, 3);
	assert_int_equal(probe.control->collector_gone, 1);
	/* a fourth does not ask, let alone wait */
	assert_false(probe_request(WIRE_REQUEST_EXIT, true, 60000));
	assert_int_equal(probe.control->request_seq, 3);
}

static void test_dead_collector_is_given_up(void **state)
{
	life.collector_pid = 0x3fffffff; /* above any pid */
	uint64_t from = life_now_ns();
	assert_false(probe_request(WIRE_REQUEST_EXIT, true, 60000));
	assert_true(life_now_ns() - from < 5000 * MS);
	assert_int_equal(probe.control->collector_gone, 1);
}

static void test_a_childs_wait_is_the_parents_news(void **state)
{
	static struct wire_control parents;
	memset(&parents, 0, sizeof parents);
	life.parents = (char *)&parents;
	for (int i = 0; i < 3; i++)
		life_note_wait_in_vain();
	assert_int_equal(parents.collector_gone, 1);
}

static void *answer(void *arg)
{
	struct wire_control *c = arg;
	while (__atomic_load_n(&c->request_seq, __ATOMIC_ACQUIRE) == 0)
		usleep(200);
	__atomic_store_n(&c->done_seq, 1, __ATOMIC_RELEASE);
	life_futex_wake(&c->done_seq);
	return NULL;
}

static void test_answer_ends_the_wait(void **state)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, answer, probe.control), 0);
	assert_true(probe_request(WIRE_REQUEST_EXIT | WIRE_REQUEST_EXEC, true, 60000));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(probe.control->request_kinds, WIRE_REQUEST_EXIT | WIRE_REQUEST_EXEC);
	assert_int_equal(probe.control->waits_timed_out, 0);
}

/* request_seq runs over after 2^32 requests. */
static void test_wait_across_the_overflow(void **state)
{
	probe.control->request_seq = UINT32_MAX;
	probe.control->done_seq = UINT32_MAX;
	assert_false(probe_request(WIRE_REQUEST_SHRINK, true, 5));
	assert_int_equal(probe.control->request_seq, 0);
	probe.control->done_seq = 1; /* the next request is served before it is asked */
	assert_true(probe_request(WIRE_REQUEST_SHRINK, true, 60000));
}

static void test_detach_turns_off(void **state)
{
	probe.control->detach = 1;
	assert_false(probe_request(WIRE_REQUEST_SHRINK, true, 60000));
	assert_int_equal(probe.on, 0);
	assert_int_equal(probe.control->state, WIRE_STATE_OFF);
	assert_int_equal(probe.control->reason, WIRE_REASON_DETACHED);
}

static void test_stuck_freeze_is_broken(void **state)
{
	probe.control->freeze = 1;
	uint64_t from = life_now_ns();
	probe_freeze_wait();
	assert_true(life_now_ns() - from >= 50 * MS);
	assert_int_equal(probe.control->freeze, 0);
	from = life_now_ns();
	probe_freeze_wait(); /* nothing left to wait for */
	assert_true(life_now_ns() - from < 50 * MS);
}

#define IN_A_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_ROOM(test_event_is_complete),
		IN_A_ROOM(test_errands_come_first),
		IN_A_ROOM(test_busy_thread_goes_on),
		IN_A_ROOM(test_full_ring_loses_and_counts),
		IN_A_ROOM(test_nothing_when_off),
		IN_A_ROOM(test_waits_are_bounded_and_few),
		IN_A_ROOM(test_dead_collector_is_given_up),
		IN_A_ROOM(test_a_childs_wait_is_the_parents_news),
		IN_A_ROOM(test_answer_ends_the_wait),
		IN_A_ROOM(test_wait_across_the_overflow),
		IN_A_ROOM(test_detach_turns_off),
		IN_A_ROOM(test_stuck_freeze_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
