/* SPDX-License-Identifier: MIT */
/* See stack_schedule.h. A report's moments are the largest live bytes and the first within a
 * percent of the largest rss: with 0.3 % between scans one is near enough. */
#include "stack_schedule.h"

#define GROWTH_CHEAP_PERMILLE   3   /* within the budget */
#define GROWTH_ALWAYS_PERMILLE  100 /* also beyond it */
#define GROWTH_MIN_BYTES        (64 << 10)
#define BUDGET_PERMILLE         20
#define BUDGET_START_NS         20000000ull /* a short run has its peaks too */

static bool grew(int64_t now, int64_t high, int64_t permille)
{
	int64_t growth = now - high;
	return growth >= GROWTH_MIN_BYTES && growth > high / 1000 * permille;
}

static bool is_always_wanted(enum snapshot_trigger trigger)
{
	return trigger == TRIGGER_EXIT || trigger == TRIGGER_EXEC || trigger == TRIGGER_LAST || trigger == TRIGGER_ASKED;
}

bool stack_schedule_wants(const struct stack_schedule *s, uint64_t now_ns, enum snapshot_trigger trigger,
			  int64_t rss_bytes, int64_t live_bytes)
{
	uint64_t age_ns = now_ns > s->start_ns ? now_ns - s->start_ns : 0;
	uint64_t budget_ns = BUDGET_START_NS + age_ns / 1000 * BUDGET_PERMILLE;
	int64_t permille = s->cost_ns + s->last_cost_ns <= budget_ns ? GROWTH_CHEAP_PERMILLE : GROWTH_ALWAYS_PERMILLE;
	if (is_always_wanted(trigger))
		return true;
	if (trigger == TRIGGER_PURGED)
		return false;
	return grew(rss_bytes, s->rss_bytes, permille) || grew(live_bytes, s->live_bytes, permille);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void stack_schedule_took(struct stack_schedule *s, uint64_t cost_ns, int64_t rss_bytes, int64_t live_bytes)
{
	s->cost_ns += cost_ns;
	s->last_cost_ns = cost_ns;
	s->rss_bytes = larger(s->rss_bytes, rss_bytes);
	s->live_bytes = larger(s->live_bytes, live_bytes);
}
