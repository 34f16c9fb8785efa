/* SPDX-License-Identifier: MIT */
/*
 * See statistics.h. Ranks are doubled, so that the mean rank of a tie is a whole number, and
 * the rank sums of all deals are counted one value at a time: after value i, ways[k][s] is
 * the number of ways to have k of the first i in the one heap with the rank sum s. Counts are
 * doubles: the largest, 100 over 50, is 1e29.
 */
#include "statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 100 /* 50 against 50 takes 25 ms */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Between the two neighbours, as most programs have it (type 7 of Hyndman and Fan). */
static double quantile(const double *sorted, size_t count, double part)
{
	double at = part * (double)(count - 1);
	size_t i = (size_t)at;
	return i + 1 < count ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

int statistics_of(const double *values, size_t count, struct statistics *ret_statistics)
{
	if (!count)
		return -EINVAL;
	double *sorted = malloc(count * sizeof *sorted);
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, values, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_value);
	*ret_statistics = (struct statistics){
		.count = count, .median = quantile(sorted, count, 0.5), .min = sorted[0], .max = sorted[count - 1],
		.spread = (quantile(sorted, count, 0.75) - quantile(sorted, count, 0.25)) / 2,
	};
	free(sorted);
	return 0;
}

double statistics_precision(const struct statistics *s)
{
	return s->median != 0 && s->count ? 1.57 * 2 * s->spread / sqrt((double)s->count) / fabs(s->median) : 0;
}

/* ---- ranks ------------------------------------------------------------------------- */

struct ranked { double value; size_t rank2; bool first; };
struct ranks {
	struct ranked *all;
	size_t count, first_count;
	size_t first_sum2;       /* of the doubled ranks of the first heap */
	double ties;             /* sum of t^3 - t over the groups of equal values */
};

static int by_ranked_value(const void *a, const void *b)
{
	return by_value(&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

static void rank_equals(struct ranks *r, size_t from, size_t to)
{
	double t = (double)(to - from);
	r->ties += t * t * t - t;
	for (size_t i = from; i < to; i++) {
		r->all[i].rank2 = from + to + 1; /* 2 * mean of from+1 .. to */
		if (r->all[i].first)
			r->first_sum2 += r->all[i].rank2;
	}
}

static int rank(struct ranks *r, const double *a, size_t a_count, const double *b, size_t b_count)
{
	*r = (struct ranks){ .count = a_count + b_count, .first_count = a_count };
	r->all = malloc(r->count * sizeof *r->all);
	if (!r->all)
		return -ENOMEM;
	for (size_t i = 0; i < r->count; i++)
		r->all[i] = (struct ranked){ i < a_count ? a[i] : b[i - a_count], 0, i < a_count };
	qsort(r->all, r->count, sizeof *r->all, by_ranked_value);
	for (size_t from = 0, to; from < r->count; from = to) {
		for (to = from + 1; to < r->count && r->all[to].value == r->all[from].value; to++)
			;
		rank_equals(r, from, to);
	}
	return 0;
}

/* ---- the two ways to a probability ------------------------------------------------------ */

/* Doubled rank sums lie evenly around this, whatever the ties. */
static size_t mean_sum2(const struct ranks *r)
{
	return r->first_count * (r->count + 1);
}

static size_t distance(size_t a, size_t b)
{
	return a > b ? a - b : b - a;
}

static int test_exactly(const struct ranks *r, double *ret_p)
{
	size_t heap = r->first_count, sums = 2 * heap * r->count + 1, used = 0;
	double *ways = calloc((heap + 1) * sums, sizeof *ways), all = 0, far = 0;
	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t i = 0; i < r->count; i++) {
		size_t rank2 = r->all[i].rank2;
		used += rank2;
		for (size_t k = i + 1 < heap ? i + 1 : heap; k > 0; k--)
			for (size_t s = used < sums ? used : sums - 1; s >= rank2; s--)
				ways[k * sums + s] += ways[(k - 1) * sums + s - rank2];
	}
	for (size_t s = 0; s < sums; s++) {
		all += ways[heap * sums + s];
		if (distance(s, mean_sum2(r)) >= distance(r->first_sum2, mean_sum2(r)))
			far += ways[heap * sums + s];
	}
	free(ways);
	*ret_p = far / all;
	return 0;
}

static double test_normally(const struct ranks *r)
{
	double n = (double)r->count, m = (double)r->first_count;
	double variance = m * (n - m) / 12 * (n + 1 - r->ties / (n * (n - 1)));
	double off = (double)distance(r->first_sum2, mean_sum2(r)) / 2 - 0.5;
	return variance <= 0 || off <= 0 ? 1 : erfc(off / sqrt(2 * variance));
}

int statistics_test(const double *a, size_t a_count, const double *b, size_t b_count, double *ret_p)
{
	struct ranks r;
	if (!a_count || !b_count) {
		*ret_p = 1;
		return 0;
	}
	int error = rank(&r, a, a_count, b, b_count);
	if (error)
		return error;
	if (r.count <= EXACT_MAX)
		error = test_exactly(&r, ret_p);
	else
		*ret_p = test_normally(&r);
	free(r.all);
	return error;
}
