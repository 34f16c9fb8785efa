/* SPDX-License-Identifier: MIT */
/* See stack_schedule.h. Snapshots themselves come at new maxima that are some thousandths
 * larger, so "every new one" is no large number. */
#include "stack_schedule.h"

#define GROWTH_ALWAYS_PERMILLE  100
#define GROWTH_NOISE_BYTES      (64 << 10) /* of rss: the loader, stacks */
#define BUDGET_PERMILLE         60
#define BUDGET_START_NS         20000000ull /* a short run has its peaks too */

static bool grew(int64_t now, int64_t high, int64_t permille)
{
	return now > high && now - high >= high / 1000 * permille;
}

/* Growth that is worth a scan: any within the budget, a tenth when twice of it is spent. */
static int64_t worth_permille(const struct stack_schedule *s, uint64_t now_ns)
{
	uint64_t age_ns = now_ns > s->start_ns ? now_ns - s->start_ns : 0;
	uint64_t budget_ns = BUDGET_START_NS + age_ns / 1000 * BUDGET_PERMILLE, cost_ns = s->cost_ns + s->last_cost_ns;
	if (cost_ns <= budget_ns)
		return 0;
	uint64_t over = (cost_ns - budget_ns) * GROWTH_ALWAYS_PERMILLE / budget_ns + 1;
	return over < GROWTH_ALWAYS_PERMILLE ? (int64_t)over : GROWTH_ALWAYS_PERMILLE;
}

bool stack_schedule_is_always(enum snapshot_trigger trigger)
{
	return trigger == TRIGGER_EXIT || trigger == TRIGGER_EXEC || trigger == TRIGGER_LAST || trigger == TRIGGER_ASKED;
}

bool stack_schedule_wants(const struct stack_schedule *s, uint64_t now_ns, enum snapshot_trigger trigger,
			  int64_t rss_bytes, int64_t live_bytes)
{
	int64_t permille = worth_permille(s, now_ns);
	if (stack_schedule_is_always(trigger))
		return true;
	if (trigger == TRIGGER_PURGED)
		return false;
	return grew(rss_bytes - GROWTH_NOISE_BYTES, s->rss_bytes, permille) || grew(live_bytes, s->live_bytes, permille);
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
