/* SPDX-License-Identifier: MIT */
/* Known values, and what the mark is worth: how often it comes by chance, how often it is missed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <cmocka.h>

#include "statistics.h"

#define NEAR(a, b, by) assert_true(fabs((a) - (b)) <= (by))

static double p_of(const double *a, size_t m, const double *b, size_t n)
{
	double p = -1;
	assert_int_equal(statistics_test(a, m, b, n, &p), 0);
	return p;
}

static void median_and_spread(void **state)
{
	const double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };
	struct statistics s;
	assert_int_equal(statistics_of(odd, 3, &s), 0);
	NEAR(s.median, 3, 0); NEAR(s.min, 1, 0); NEAR(s.max, 5, 0); NEAR(s.spread, 1, 1e-12);
	assert_int_equal(statistics_of(even, 4, &s), 0);
	NEAR(s.median, 2.5, 1e-12); NEAR(s.spread, 0.75, 1e-12);
	NEAR(statistics_precision(&s), 1.57 * 1.5 / 2 / 2.5, 1e-12);
	assert_int_equal(statistics_of(one, 1, &s), 0);
	NEAR(s.median, 7, 0); NEAR(s.spread, 0, 0); NEAR(statistics_precision(&s), 0, 0);
	assert_int_equal(statistics_of(one, 0, &s), -EINVAL);
	NEAR(s.median, 7, 0); /* untouched */
}

/* Counted by hand: 2 of the C(n, m) deals are that far apart, and so on. */
static void exact_values(void **state)
{
	const double low[] = { 1, 2, 3, 4, 5 }, high[] = { 6, 7, 8, 9, 10 }, mixed[] = { 2, 4 }, other[] = { 1, 3, 5 };
	const double same[] = { 1, 1, 1, 1, 1 }, most[] = { 1, 1, 1, 1, 2 }, twos[] = { 2, 2, 2, 2, 2 };
	NEAR(p_of(low, 5, high, 5), 2.0 / 252, 1e-12);
	NEAR(p_of(high, 5, low, 5), 2.0 / 252, 1e-12);
	NEAR(p_of(low, 4, high, 4), 2.0 / 70, 1e-12);
	NEAR(p_of(mixed, 2, other, 3), 1, 1e-12);
	NEAR(p_of(same, 5, same, 5), 1, 1e-12);
	NEAR(p_of(same, 5, twos, 5), 2.0 / 252, 1e-12);
	NEAR(p_of(same, 5, most, 5), 1, 1e-12);
	NEAR(p_of(low, 5, high, 0), 1, 0);
	/* 1 2 3 | 4 5 6 but one swapped: rank sums 7 and below, of 20 deals 2, and as many above */
	NEAR(p_of((double[]){ 1, 2, 4 }, 3, (double[]){ 3, 5, 6 }, 3), 0.2, 1e-12);
}

/* ---- synthetic runs ------------------------------------------------------------------ */

static uint64_t seed;
static double uniform(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	double length = sqrt(-2 * log(uniform()));
	return length * cos(2 * M_PI * uniform());
}

/* A run time: 2 % of scatter, one in ten slower by up to 10 %. */
static double run_time(double median)
{
	double scatter = 0.02 * normal();
	return median * (1 + scatter + (uniform() < 0.1 ? 0.1 * uniform() : 0));
}

/* Resident peaks: 1 % of scatter, and few different values. */
static double lumpy(double median)
{
	return floor(median * (1 + 0.01 * normal()) / 65536) * 65536;
}

static size_t marked(size_t comparisons, size_t runs, double shift, double (*one)(double))
{
	double a[64], b[64];
	size_t n = 0;
	for (size_t c = 0; c < comparisons; c++) {
		for (size_t i = 0; i < runs; i++) {
			a[i] = one(2e7);
			b[i] = one(2e7 * shift);
		}
		n += p_of(a, runs, b, runs) < STATISTICS_LEVEL;
	}
	return n;
}

static void the_same_is_not_marked(void **state)
{
	static const size_t runs[] = { 5, 7, 10, 20 };
	seed = 20261125;
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		assert_in_range(marked(1000, runs[i], 1, run_time), 0, 20); /* 1 %, and five sigma of a count of 10 */
		assert_in_range(marked(1000, runs[i], 1, lumpy), 0, 20);
	}
	assert_in_range(marked(1000, STATISTICS_RUNS_MIN - 1, 1, run_time), 0, 0);
}

static void a_shift_is_marked(void **state)
{
	seed = 4711;
	assert_in_range(marked(1000, 20, 1.05, run_time), 950, 1000);
	assert_in_range(marked(1000, 20, 1 / 1.05, run_time), 950, 1000);
	assert_in_range(marked(1000, 20, 1.03, lumpy), 950, 1000);
}

/* Above 100 values the formula takes over: it has to go on where counting ends. */
static void both_ways_agree(void **state)
{
	double a[51], b[51];
	seed = 99;
	for (int i = 0; i < 51; i++) {
		a[i] = lumpy(2e7);
		b[i] = lumpy(2e7 * 1.005);
	}
	double counted = p_of(a, 50, b, 50), reckoned = p_of(a, 51, b, 51);
	assert_true(counted > 0.0001 && counted < 0.9);
	NEAR(log(counted), log(reckoned), 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_and_spread), cmocka_unit_test(exact_values), cmocka_unit_test(the_same_is_not_marked),
		cmocka_unit_test(a_shift_is_marked), cmocka_unit_test(both_ways_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
