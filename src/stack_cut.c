/* SPDX-License-Identifier: MIT */
/* The largest of many stacks, and the rest in one row; see stack_figures.h. Limits are found
 * by quickselect: there may be a million rows, and most of them are cut off. */
#include "stack_figures.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int64_t live_of(const struct stack_figure *f) { return f->live_bytes; }
static int64_t rounding_of(const struct stack_figure *f) { return f->rounding_bytes; }
static int64_t pinned_of(const struct stack_figure *f) { return f->pinned_bytes; }
static int64_t dirty_of(const struct stack_figure *f) { return f->dirty_bytes; }
/* The figures that a stack may be among the most of. */
static int64_t (*const ranked[])(const struct stack_figure *f) = { live_of, rounding_of, pinned_of, dirty_of };
#define RANKED (sizeof ranked / sizeof *ranked)

/* The value that `most` others are not below; moves values about. most < count. */
static int64_t find_limit(int64_t *values, size_t count, size_t most)
{
	size_t low = 0, high = count - 1;
	while (low < high) {
		int64_t pivot = values[low + (high - low) / 2];
		size_t i = low, j = high;
		for (;;) {
			while (values[i] > pivot)
				i++;
			while (values[j] < pivot)
				j--;
			if (i >= j)
				break;
			int64_t v = values[i];
			values[i++] = values[j];
			values[j--] = v;
		}
		if (most <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[low];
}

static int find_limits(const struct stack_figure *rows, size_t count, size_t most, int64_t ret_limits[RANKED])
{
	int64_t *values = calloc(count, sizeof *values);
	if (!values)
		return -ENOMEM;
	for (size_t k = 0; k < RANKED; k++) {
		for (size_t i = 0; i < count; i++)
			values[i] = ranked[k](&rows[i]);
		ret_limits[k] = find_limit(values, count, most);
	}
	free(values);
	return 0;
}

/* Equals share the fate of the one behind the most. */
static bool is_chosen(const struct stack_figure *f, const int64_t limits[RANKED])
{
	for (size_t k = 0; k < RANKED; k++)
		if (ranked[k](f) > limits[k])
			return true;
	return false;
}

static int64_t joined(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Errors of different blocks are independent: their squares add up. */
static int64_t joined_error(int64_t a, int64_t b)
{
	return b < 0 ? -1 : (int64_t)fmin(hypot((double)a, (double)b), 0x1p62);
}

static void join(struct stack_figure *to, const struct stack_figure *f)
{
	to->live_bytes = joined(to->live_bytes, f->live_bytes);
	to->live_blocks = joined(to->live_blocks, f->live_blocks);
	to->rounding_bytes = joined(to->rounding_bytes, f->rounding_bytes);
	to->pinned_bytes = joined(to->pinned_bytes, f->pinned_bytes);
	to->pinned_pages = joined(to->pinned_pages, f->pinned_pages);
	to->dirty_bytes = joined(to->dirty_bytes, f->dirty_bytes);
	to->live_error_bytes = joined_error(to->live_error_bytes, f->live_error_bytes);
	to->pinned_error_bytes = joined_error(to->pinned_error_bytes, f->pinned_error_bytes);
}

static int by_stack(const void *a, const void *b)
{
	uint32_t x = ((const struct stack_figure *)a)->stack, y = ((const struct stack_figure *)b)->stack;
	return (x > y) - (x < y);
}

int stack_figures_cut(struct stack_figure *rows, size_t *count, size_t most)
{
	struct stack_figure rest = { .stack = STACK_REST };
	int64_t limits[RANKED];
	size_t n = 0;
	int rc = *count > most ? find_limits(rows, *count, most, limits) : 0;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < *count; i++) {
		if (*count <= most || (rows[i].stack != STACK_REST && is_chosen(&rows[i], limits)))
			rows[n++] = rows[i];
		else
			join(&rest, &rows[i]);
	}
	if (n < *count)
		rows[n++] = rest;
	qsort(rows, n, sizeof *rows, by_stack);
	*count = n;
	return 0;
}
