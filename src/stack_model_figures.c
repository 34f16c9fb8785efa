/* SPDX-License-Identifier: MIT */
/* What stacks are ranked by, one line each; see stack_model.h. */
#include "stack_model.h"

#include <string.h>

static double square(int64_t error_bytes)
{
	return error_bytes < 0 ? 0 : (double)error_bytes * (double)error_bytes;
}

static struct stack_sum of_live(const struct stack_entry *e)
{
	return (struct stack_sum){ e->figure.live_bytes, e->figure.live_blocks, square(e->figure.live_error_bytes) };
}

static struct stack_sum of_pinned(const struct stack_entry *e)
{
	return (struct stack_sum){ e->figure.pinned_bytes, e->figure.pinned_pages,
				   square(e->figure.pinned_error_bytes) };
}

static struct stack_sum of_total(const struct stack_entry *e)
{
	return (struct stack_sum){ e->total.allocated_bytes, e->total.allocations, 0 };
}

static struct stack_sum of_rounding(const struct stack_entry *e)
{
	return (struct stack_sum){ e->figure.rounding_bytes, e->figure.live_blocks, 0 };
}

static struct stack_sum of_dirty(const struct stack_entry *e)
{
	return (struct stack_sum){ e->figure.dirty_bytes, 0, 0 };
}

static int64_t add_saturated(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

void stack_sum_add(struct stack_sum *to, const struct stack_sum *s)
{
	to->bytes = add_saturated(to->bytes, s->bytes);
	to->count = add_saturated(to->count, s->count);
	to->variance += s->variance;
}

struct stack_sum stack_model_total(const struct stack_model *m)
{
	struct stack_sum all = { 0 };
	for (size_t i = 0; i < m->entry_count; i++) {
		struct stack_sum s = stack_by_infos[m->query.by].of(&m->entries[i]);
		stack_sum_add(&all, &s);
	}
	return all;
}

int stack_by_from_name(const char *name)
{
	for (int by = 0; by < STACK_BYS; by++)
		if (!strcmp(name, stack_by_infos[by].name))
			return by;
	return -1;
}

const struct stack_by_info stack_by_infos[STACK_BYS] = {
	[STACK_BY_LIVE] = { "live", "live bytes", "blocks", true, false, of_live,
		"bytes that are allocated and not freed" },
	[STACK_BY_PINNED] = { "pinned", "pinned bytes", "pages", true, false, of_pinned,
		"free bytes on pages that stay resident for the stack's blocks" },
	[STACK_BY_PEAK] = { "peak", "live bytes", "blocks", true, false, of_live,
		"live bytes at the moment when most were live" },
	[STACK_BY_TOTAL] = { "total", "bytes allocated", "calls", false, true, of_total,
		"all that was allocated in the run, freed or not" },
	[STACK_BY_ROUNDING] = { "rounding", "bytes of rounding", "blocks", false, false, of_rounding,
		"what the allocator adds to the stack's live blocks" },
	[STACK_BY_DIRTY] = { "dirty", "dirty bytes", NULL, false, false, of_dirty,
		"free pages, kept, on which the stack held the last known block" },
};
