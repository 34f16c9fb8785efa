/* SPDX-License-Identifier: MIT */
/*
 * statistics.h - what a handful of runs says: the median, how far runs scatter, and whether
 * two commands differ by more than that. Nothing is assumed about the distribution: run
 * times have a long tail, and peaks of threaded programs come in lumps. Pure; values are
 * finite; 0 or -errno, outputs untouched on failure.
 */
#ifndef MEMWHY_STATISTICS_H
#define MEMWHY_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* A difference is marked below this. One figure in a hundred would be marked by chance, so a
 * row of five independent ones stays below one in twenty. */
#define STATISTICS_LEVEL 0.01
/* And only where the medians differ by this part at least: a page more in each of a thousand
 * is no noise, and no news. */
#define STATISTICS_CHANGE_MIN 0.001
/* Of each of two rows: with fewer no outcome is rare enough for the level (5 against 5: 2 of 252). */
#define STATISTICS_RUNS_MIN 5

struct statistics {
	size_t count;
	double median, min, max;
	double spread;        /* half the distance between the quartiles; 0 for one value */
};
/* -EINVAL: there are no values. -ENOMEM. */
int statistics_of(const double *values, size_t count, struct statistics *ret_statistics);

/* Half the width of the median's 95 % interval, 1.57 * (q3 - q1) / sqrt(n) (McGill, Tukey,
 * Larsen 1978), as a part of the median; 0 where the median is 0. */
double statistics_precision(const struct statistics *s);

/* The two-sided Wilcoxon-Mann-Whitney test as a permutation test: of all ways to deal these
 * values, ties included, into two heaps of these sizes, the part whose rank sum is at least
 * as far from its mean. Exact up to 100 values together, by the normal approximation with
 * the correction for ties above. 1 where one has no values. -ENOMEM. */
int statistics_test(const double *a, size_t a_count, const double *b, size_t b_count, double *ret_p);

#endif
