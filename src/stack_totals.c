/* SPDX-License-Identifier: MIT */
/* See stack_totals.h. Sums of a hostile peer's figures may wrap, never trap. */
#include "stack_totals.h"

#include "stack_figures.h"

#include <errno.h>
#include <stdlib.h>

struct list {
	struct stack_total *items;
	size_t count, capacity;
	bool no_memory;
};

static void add(void *arg, uint32_t id, const struct wire_stack_total *total)
{
	struct list *l = arg;
	if (l->count == l->capacity) {
		size_t bigger = l->capacity ? l->capacity * 2 : 4096;
		struct stack_total *moved = reallocarray(l->items, bigger, sizeof *moved);
		if (!moved) {
			l->no_memory = true;
			return;
		}
		l->items = moved;
		l->capacity = bigger;
	}
	l->items[l->count++] = (struct stack_total){ id, total->allocated_bytes, total->allocations, total->samples };
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x < y) - (x > y);
}

/* The largest values that a total must exceed, by bytes and by allocations. */
static int find_limits(const struct list *l, size_t most, uint64_t ret_limits[2])
{
	uint64_t *values = calloc(l->count, sizeof *values);
	if (!values)
		return -ENOMEM;
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < l->count; i++)
			values[i] = k ? l->items[i].allocations : l->items[i].allocated_bytes;
		qsort(values, l->count, sizeof *values, descending);
		ret_limits[k] = values[most];
	}
	free(values);
	return 0;
}

/* Keeps those above a limit in front, in their order, and adds up the rest behind them. */
static void cut(struct list *l, const uint64_t limits[2])
{
	struct stack_total rest = { .stack = STACK_REST };
	size_t n = 0;
	for (size_t i = 0; i < l->count; i++) {
		struct stack_total t = l->items[i];
		if (t.allocated_bytes > limits[0] || t.allocations > limits[1]) {
			l->items[n++] = t;
			continue;
		}
		rest.allocated_bytes += t.allocated_bytes;
		rest.allocations += t.allocations;
		rest.samples += t.samples;
	}
	l->items[n++] = rest; /* there is room: at least one was left out */
	l->count = n;
}

int stack_totals_read(const struct stack_view *v, size_t most, struct stack_total **ret_totals, size_t *ret_count)
{
	struct list l = { 0 };
	uint64_t limits[2];
	int rc = stack_view_each_total(v, add, &l);
	if (rc == 0 && l.no_memory)
		rc = -ENOMEM;
	if (rc == 0 && l.count > most && (rc = find_limits(&l, most, limits)) == 0)
		cut(&l, limits);
	if (rc < 0) {
		free(l.items);
		return rc;
	}
	*ret_totals = l.items;
	*ret_count = l.count;
	return 0;
}
