/* SPDX-License-Identifier: MIT */
/*
 * stack_totals.h - what was allocated at each stack over the run, cut to the largest: one
 * row for each stack that is among the `most` by bytes or by allocations, the rest in one.
 */
#ifndef MEMWHY_STACK_TOTALS_H
#define MEMWHY_STACK_TOTALS_H

#include "stack_view.h"

struct stack_total {
	uint32_t stack;         /* ascending; STACK_REST of stack_figures.h at the end */
	uint64_t allocated_bytes, allocations, samples;
};
/* ret_totals: the caller's to free. 0 or -errno. */
int stack_totals_read(const struct stack_view *v, size_t most, struct stack_total **ret_totals, size_t *ret_count);

#endif
