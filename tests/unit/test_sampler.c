/* SPDX-License-Identifier: MIT */
/* The schedule and the trigger policy, by simulated programs: no clock, no process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sampler.h"
#include "wire.h"

#define MS 1000000ull
#define S 1000000000ull
#define MIB (1 << 20)

static struct sample sample_at(uint64_t t, int64_t rss, int64_t live)
{
	return (struct sample){ .time_ns = t, .rss_bytes = rss, .counters = { .live_bytes = live } };
}

static void interval_grows_with_age(void **state)
{
	struct sampler s;
	sampler_init(&s, 5 * S, 0, false);
	assert_int_equal(sampler_interval_ns(&s, 5 * S), MS);
	assert_int_equal(sampler_interval_ns(&s, 6 * S), MS);
	assert_int_equal(sampler_interval_ns(&s, 15 * S), 10 * MS);
	assert_int_equal(sampler_interval_ns(&s, 100000 * S), 50 * MS);
	assert_int_equal(sampler_interval_ns(&s, 4 * S), MS); /* a clock that is early */
	sampler_init(&s, 0, 7 * MS, false);
	assert_int_equal(sampler_interval_ns(&s, 100000 * S), 7 * MS);
}

static void a_bucket_keeps_both_maxima(void **state)
{
	struct sampler s;
	struct sample kept[2];
	sampler_init(&s, 0, 0, false);
	const struct sample in[] = { sample_at(10, 100, 5), sample_at(20, 300, 6), sample_at(30, 200, 9), sample_at(40, 1, 1) };
	for (int i = 0; i < 4; i++)
		assert_int_equal(sampler_keep(&s, &in[i], kept), 0);
	const struct sample next = sample_at(10 + MS, 50, 50);
	assert_int_equal(sampler_keep(&s, &next, kept), 2);
	assert_int_equal(kept[0].rss_bytes, 300);
	assert_int_equal(kept[1].counters.live_bytes, 9);
	assert_true(kept[0].time_ns < kept[1].time_ns);
	assert_int_equal(sampler_flush(&s, kept), 1); /* one sample is both */
	assert_int_equal(kept[0].rss_bytes, 50);
	assert_int_equal(sampler_flush(&s, kept), 0);
}

/* A day, sampled by the schedule: bounded, and the one high sample is in it. */
static void a_day_is_bounded_and_keeps_its_peak(void **state)
{
	struct sampler s;
	struct sample kept[2];
	uint64_t day = 86400 * S, spike = day / 3 * 2;
	unsigned count = 0;
	bool spike_kept = false;
	sampler_init(&s, 0, 0, false);
	for (uint64_t t = 0; t < day; t += sampler_interval_ns(&s, t)) {
		bool high = t >= spike && t < spike + 50 * MS;
		struct sample x = sample_at(t, high ? 9 * MIB : MIB + (int64_t)(t % 4096), MIB);
		unsigned n = sampler_keep(&s, &x, kept);
		for (unsigned i = 0; i < n; i++)
			spike_kept |= kept[i].rss_bytes == 9 * MIB;
		count += n;
	}
	assert_true(spike_kept);
	assert_in_range(count, 2000, 60000);
}

static void a_chosen_interval_is_not_thinned(void **state)
{
	struct sampler s;
	struct sample kept[2];
	unsigned count = 0;
	sampler_init(&s, 0, 10 * MS, false);
	for (uint64_t i = 0; i < 100000; i++) {
		struct sample x = sample_at(i * 10 * MS, 1, 1);
		count += sampler_keep(&s, &x, kept);
	}
	assert_int_equal(count, 99999);
}

static void the_first_snapshot_comes_soon(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	assert_int_equal(sampler_want(&s, MS, MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, 5 * MS, 0), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, 5 * MS, MIB), TRIGGER_RSS_GROWTH);
}

static void growth_is_never_refused_for_ever(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, S, 900 * MS, 100 * MIB, 50 * MIB, true); /* far over any budget */
	assert_int_equal(sampler_want(&s, S, 149 * MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, S, 151 * MIB), TRIGGER_RSS_GROWTH);
	/* what pages cost leaves the live peaks' budget alone */
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_LIVE_PEAK, MIB, 51 * MIB), SAMPLER_NO_TRIGGER);
	s.expected_ns = MS;
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_LIVE_PEAK, MIB, 51 * MIB), TRIGGER_LIVE_PEAK);
	s.cost_ns[TRIGGER_LIVE_PEAK] = 900 * MS;
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_LIVE_PEAK, MIB, 54 * MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_LIVE_PEAK, MIB, 56 * MIB), TRIGGER_LIVE_PEAK);
}

static void small_growth_waits_for_rest_and_budget(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, S, 2 * MS, 100 * MIB, 50 * MIB, true);
	assert_int_equal(sampler_want(&s, S + 17 * MS, 101 * MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, S + 18 * MS, 101 * MIB), TRIGGER_RSS_GROWTH);
	assert_int_equal(sampler_want(&s, S + 18 * MS, 100 * MIB + 1000), SAMPLER_NO_TRIGGER);
	s.rss_before_bytes = 100 * MIB;
	s.rss_bytes = 101 * MIB; /* on its way up: the top is worth more */
	assert_int_equal(sampler_want(&s, S + 18 * MS, 101 * MIB), SAMPLER_NO_TRIGGER);
	/* five hundredths need no rest */
	assert_int_equal(sampler_want(&s, S, 106 * MIB), TRIGGER_RSS_GROWTH);
}

static void a_preempted_snapshot_is_forgiven(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	sampler_snapped(&s, TRIGGER_LIVE_PEAK, S, 2 * MS, 100 * MIB, 50 * MIB, true);
	sampler_snapped(&s, TRIGGER_LIVE_PEAK, S, 500 * MS, 101 * MIB, 51 * MIB, true);
	assert_int_equal(s.cost_ns[TRIGGER_LIVE_PEAK], 6 * MS);
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_LIVE_PEAK, MIB, 52 * MIB), TRIGGER_LIVE_PEAK);
	/* but when they all are expensive, that is what they cost */
	for (int i = 0; i < 10; i++)
		sampler_snapped(&s, TRIGGER_LIVE_PEAK, S, 500 * MS, 101 * MIB, 51 * MIB, true);
	assert_int_equal(s.expected_ns, 500 * MS);
}

static void the_timer_backs_off(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, S, MS, MIB, MIB, true);
	assert_int_equal(sampler_want(&s, 10 * S, MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, 11 * S, MIB), TRIGGER_TIMER);
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, 1000 * S, MS, MIB, MIB, true);
	assert_int_equal(sampler_want(&s, 1050 * S, MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, 1053 * S, MIB), TRIGGER_TIMER);
}

static void a_chosen_pause_between_snapshots_is_kept(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 10 * S, false);
	s.snapshot_every_ns = 2 * S;
	assert_int_equal(sampler_interval_ns(&s, 1000 * S), 2 * S); /* a snapshot follows a sample */
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, 1000 * S, MS, MIB, MIB, true);
	assert_int_equal(sampler_want(&s, 1001 * S, MIB), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want(&s, 1002 * S, MIB), TRIGGER_TIMER);
	s.every_ns = S;
	assert_int_equal(sampler_interval_ns(&s, 1000 * S), S);
}

static void exit_and_exec_are_always_looked_at(void **state)
{
	struct sampler s;
	struct sample kept[2], first = sample_at(0, 10 * MIB, 0);
	sampler_init(&s, 0, 0, true);
	sampler_keep(&s, &first, kept);
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, S, 10 * S, 10 * MIB, MIB, true);
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_EXIT, MIB, 0), TRIGGER_EXIT);
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_EXEC, MIB, 0), TRIGGER_EXEC);
	assert_int_equal(sampler_want_asked(&s, 5 * MS, WIRE_REQUEST_EXIT, MIB, 0), TRIGGER_EXIT);
	/* but a forked child that execs at once, with nothing of its own */
	assert_int_equal(sampler_want_asked(&s, 5 * MS, WIRE_REQUEST_EXEC, 10 * MIB + 4096, 0), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want_asked(&s, 5 * MS, WIRE_REQUEST_EXEC, 12 * MIB, 0), TRIGGER_EXEC);
	s.fork_child = false;
	assert_int_equal(sampler_want_asked(&s, 5 * MS, WIRE_REQUEST_EXEC, 10 * MIB, 0), TRIGGER_EXEC);
}

static void a_past_maximum_is_not_asked_for_again(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	assert_int_equal(sampler_live_trigger_bytes(&s, 0, 0), 256 << 10); /* nothing seen yet */
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, S, MS, 100 * MIB, 50 * MIB, true);
	assert_in_range(sampler_live_trigger_bytes(&s, S, 50 * MIB), 50 * MIB + 200000, 51 * MIB);
	assert_int_equal(sampler_live_trigger_bytes(&s, S, 52 * MIB), 52 * MIB);
	s.cost_ns[TRIGGER_LIVE_PEAK] = S; /* far over the budget: a tenth, no more */
	assert_in_range(sampler_live_trigger_bytes(&s, S, 0), 54 * MIB, 55 * MIB);
	/* and the budget comes back with time */
	assert_in_range(sampler_live_trigger_bytes(&s, 1000 * S, 0), 50 * MIB, 51 * MIB);
}

static void shrink_is_armed_only_near_a_new_peak(void **state)
{
	struct sampler s;
	sampler_init(&s, 0, 0, false);
	assert_false(sampler_shrink_armed(&s, S, 100 * MIB));
	sampler_snapped(&s, TRIGGER_RSS_GROWTH, S, 2 * MS, 100 * MIB, 50 * MIB, true);
	assert_false(sampler_shrink_armed(&s, S, 100 * MIB));
	assert_true(sampler_shrink_armed(&s, S, 101 * MIB));
	s.cost_ns[TRIGGER_SHRINK] = 500 * MS;
	assert_false(sampler_shrink_armed(&s, S, 101 * MIB));
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_SHRINK, 101 * MIB, 0), SAMPLER_NO_TRIGGER);
	/* a peak that is higher by a fiftieth is worth any price, unless they come in a row */
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_SHRINK, 103 * MIB, 0), SAMPLER_NO_TRIGGER);
	assert_int_equal(sampler_want_asked(&s, S + 18 * MS, WIRE_REQUEST_SHRINK, 103 * MIB, 0), TRIGGER_SHRINK);
	assert_int_equal(sampler_want_asked(&s, S, WIRE_REQUEST_SHRINK, 111 * MIB, 0), TRIGGER_SHRINK);
}

/* A program of one second that grows to about 100 MiB in noisy steps, stays there, and
 * asks before each of its shrinks; each snapshot costs 20 us a MiB and 300 us. */
struct simulation { struct sampler s; uint64_t now_ns; int64_t rss, top, seen; };

static void simulate_snapshot(struct simulation *x, int trigger)
{
	uint64_t cost = (uint64_t)(x->rss / MIB) * 20000 + 300000;
	x->now_ns += cost;
	sampler_snapped(&x->s, trigger, x->now_ns, cost, x->rss, x->rss, true);
	if (x->rss > x->seen)
		x->seen = x->rss;
}

static void simulate_ms(struct simulation *x, int64_t change)
{
	struct sample kept[2], now;
	int trigger = SAMPLER_NO_TRIGGER;
	if (change < 0)
		trigger = sampler_want_asked(&x->s, x->now_ns, WIRE_REQUEST_SHRINK, x->rss, 0);
	if (trigger != SAMPLER_NO_TRIGGER)
		simulate_snapshot(x, trigger);
	x->rss += change;
	if (x->rss > x->top)
		x->top = x->rss;
	now = sample_at(x->now_ns, x->rss, x->rss);
	sampler_keep(&x->s, &now, kept);
	trigger = sampler_want(&x->s, x->now_ns, x->rss);
	if (trigger != SAMPLER_NO_TRIGGER)
		simulate_snapshot(x, trigger);
	x->now_ns += MS;
}

static void a_second_costs_little_and_misses_little(void **state)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct simulation x = { .rss = 3 * MIB };
		unsigned random = seed;
		sampler_init(&x.s, 0, 0, false);
		while (x.now_ns < S) {
			random = random * 1103515245u + 12345u;
			int64_t step = (int64_t)(random >> 8) % MIB;
			simulate_ms(&x, x.rss > 100 * MIB ? -step : x.rss > 99 * MIB ? step / 64 : step / 2 - MIB / 16);
		}
		assert_true(x.top > 90 * MIB);
		assert_true(x.seen * 1000 >= x.top * 990);
		/* from 3 to 90 MiB within the second: most of the growth that a run ever has */
		assert_in_range(x.s.cost_ns[TRIGGER_RSS_GROWTH] + x.s.cost_ns[TRIGGER_SHRINK], 1, 55 * MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interval_grows_with_age),
		cmocka_unit_test(a_bucket_keeps_both_maxima),
		cmocka_unit_test(a_day_is_bounded_and_keeps_its_peak),
		cmocka_unit_test(a_chosen_interval_is_not_thinned),
		cmocka_unit_test(the_first_snapshot_comes_soon),
		cmocka_unit_test(growth_is_never_refused_for_ever),
		cmocka_unit_test(small_growth_waits_for_rest_and_budget),
		cmocka_unit_test(a_preempted_snapshot_is_forgiven),
		cmocka_unit_test(the_timer_backs_off), cmocka_unit_test(a_chosen_pause_between_snapshots_is_kept),
		cmocka_unit_test(exit_and_exec_are_always_looked_at),
		cmocka_unit_test(a_past_maximum_is_not_asked_for_again),
		cmocka_unit_test(shrink_is_armed_only_near_a_new_peak),
		cmocka_unit_test(a_second_costs_little_and_misses_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
