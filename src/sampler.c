/* SPDX-License-Identifier: MIT */
/*
 * The schedule and the policy; see sampler.h. Growth is measured against the largest
 * that a snapshot has seen: what lies below it can't be a peak that is missed. Small
 * growth is bought from budgets, shares of the run time so far, one for each trigger, so
 * that a phase of growth can't starve the moments that are known to be peaks: of those,
 * what is larger by a tenth is always taken.
 */
#include "sampler.h"
#include "wire.h"

#include <string.h>

#define US 1000ull
#define MS 1000000ull
#define S  1000000000ull

#define INTERVAL_MIN_NS   (1 * MS)
#define INTERVAL_MAX_NS   (50 * MS)
#define INTERVALS_A_RUN   1000
#define BUCKETS_A_RUN     2000
#define FIRST_AFTER_NS    (4 * MS)   /* so that a process killed early has one */
#define TIMER_MIN_NS      (10 * S)
#define TIMERS_A_RUN      20
#define QUICK_EXEC_NS     (10 * MS)
#define QUICK_EXEC_BYTES  (1 << 20)

/* Growth, in 1/1000. A resident peak that passes is caught by the requests that come before
 * it falls (a free that ends a maximum of live, a munmap) and by the exit: what is taken
 * while it grows is insurance, and waits for its budget unless half is new. */
#define GROWTH_ALWAYS     100
#define GROWTH_UNINSURED  500
#define GROWTH_WORTH      50
#define GROWTH_CHEAP      3
#define GROWTH_SHRINK     20    /* above it the moment before a shrink is refused only for rest */
#define GROWTH_LIVE       6
#define GROWTH_GOES_ON    1     /* between two samples: the top isn't reached yet */
/* Less than this is noise of the loader and of stacks. */
#define GROWTH_MIN_BYTES  (64 << 10)
#define GROWTH_LIVE_BYTES (128 << 10) /* for small heaps a tenth is too often */

/* Budgets, in 1/1000 of the run time. */
#define BUDGET_LIVE       30
#define BUDGET_SHRINK     8
#define BUDGET_GROWTH     7
#define BUDGET_START_NS   (MS / 2)   /* what a process may cost before it has lived */
#define LIVE_START_NS     (10 * MS)  /* and for its live peaks, which only a snapshot can keep */
#define REST_FACTOR       9          /* of the last snapshot's cost, before a cheap one */
#define REST_SHRINK       5          /* before a moment that will be gone: a spike of two in a hundred */

void sampler_init(struct sampler *s, uint64_t start_ns, uint64_t every_ns, bool fork_child)
{
	memset(s, 0, sizeof *s);
	s->start_ns = s->next_sample_ns = s->last_ns = start_ns;
	s->every_ns = every_ns;
	s->fork_child = fork_child;
}

static uint64_t age_ns(const struct sampler *s, uint64_t now_ns)
{
	return now_ns > s->start_ns ? now_ns - s->start_ns : 0;
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* ---- samples ---------------------------------------------------------------- */

uint64_t sampler_interval_ns(const struct sampler *s, uint64_t now_ns)
{
	uint64_t interval = age_ns(s, now_ns) / INTERVALS_A_RUN;
	if (s->snapshot_every_ns && s->every_ns > s->snapshot_every_ns)
		return s->snapshot_every_ns; /* a snapshot follows a sample */
	if (s->every_ns)
		return s->every_ns;
	return interval < INTERVAL_MIN_NS ? INTERVAL_MIN_NS :
	       interval > INTERVAL_MAX_NS ? INTERVAL_MAX_NS : interval;
}

void sampler_sampled(struct sampler *s, uint64_t now_ns)
{
	s->next_sample_ns = now_ns + sampler_interval_ns(s, now_ns);
}

static uint64_t bucket_ns(const struct sampler *s, uint64_t now_ns)
{
	uint64_t width = age_ns(s, now_ns) / BUCKETS_A_RUN;
	/* an interval of one's own choice is kept as it is */
	return s->every_ns ? 1 : width < INTERVAL_MIN_NS ? INTERVAL_MIN_NS : width;
}

unsigned sampler_flush(struct sampler *s, struct sample ret_kept[2])
{
	if (!s->bucket_used)
		return 0;
	s->bucket_used = false;
	if (s->rss_top.time_ns == s->live_top.time_ns) {
		ret_kept[0] = s->rss_top;
		return 1;
	}
	bool rss_first = s->rss_top.time_ns < s->live_top.time_ns;
	ret_kept[0] = rss_first ? s->rss_top : s->live_top;
	ret_kept[1] = rss_first ? s->live_top : s->rss_top;
	return 2;
}

unsigned sampler_keep(struct sampler *s, const struct sample *sample, struct sample ret_kept[2])
{
	unsigned kept = 0;
	s->rss_before_bytes = s->rss_bytes;
	s->rss_bytes = sample->rss_bytes;
	if (!s->first_rss_bytes)
		s->first_rss_bytes = sample->rss_bytes;
	if (s->bucket_used && sample->time_ns >= s->bucket_end_ns)
		kept = sampler_flush(s, ret_kept);
	if (!s->bucket_used) {
		s->bucket_used = true;
		s->bucket_end_ns = sample->time_ns + bucket_ns(s, sample->time_ns);
		s->rss_top = s->live_top = *sample;
		return kept;
	}
	if (sample->rss_bytes > s->rss_top.rss_bytes)
		s->rss_top = *sample;
	if (sample->counters.live_bytes > s->live_top.counters.live_bytes)
		s->live_top = *sample;
	return kept;
}

/* ---- snapshots -------------------------------------------------------------- */

/* Is now larger than high by this many thousandths, and by more than noise? */
static bool grew(int64_t now, int64_t high, int64_t permille)
{
	int64_t growth = now - high;
	return growth >= GROWTH_MIN_BYTES && growth > high / 1000 * permille;
}

static uint64_t budget_ns(const struct sampler *s, uint64_t now_ns, uint64_t permille)
{
	uint64_t start = permille == BUDGET_LIVE ? LIVE_START_NS : BUDGET_START_NS;
	return start + age_ns(s, now_ns) / 1000 * permille;
}

static bool affordable(const struct sampler *s, uint64_t now_ns, int trigger, uint64_t permille)
{
	return s->cost_ns[trigger] + s->expected_ns <= budget_ns(s, now_ns, permille);
}

static bool goes_on_growing(const struct sampler *s)
{
	return s->rss_bytes - s->rss_before_bytes > s->rss_bytes / 1000 * GROWTH_GOES_ON;
}

static bool rested(const struct sampler *s, uint64_t now_ns, uint64_t factor)
{
	return since(s->last_ns, now_ns) >= factor * s->expected_ns;
}

static bool timer_is_due(const struct sampler *s, uint64_t now_ns)
{
	uint64_t pause = age_ns(s, now_ns) / TIMERS_A_RUN;
	if (s->snapshot_every_ns)
		return since(s->last_ns, now_ns) >= s->snapshot_every_ns;
	return since(s->last_ns, now_ns) >= (pause < TIMER_MIN_NS ? TIMER_MIN_NS : pause);
}

int sampler_want(const struct sampler *s, uint64_t now_ns, int64_t rss_bytes)
{
	if (s->snapshots == 0)
		return age_ns(s, now_ns) >= FIRST_AFTER_NS && rss_bytes > 0 ?
		       TRIGGER_RSS_GROWTH : SAMPLER_NO_TRIGGER;
	if (grew(rss_bytes, s->rss_high_bytes, GROWTH_UNINSURED))
		return TRIGGER_RSS_GROWTH;
	bool can = affordable(s, now_ns, TRIGGER_RSS_GROWTH, BUDGET_GROWTH);
	if (can && grew(rss_bytes, s->rss_high_bytes, GROWTH_WORTH))
		return TRIGGER_RSS_GROWTH;
	if (can && grew(rss_bytes, s->rss_high_bytes, GROWTH_CHEAP) && rested(s, now_ns, REST_FACTOR) && !goes_on_growing(s))
		return TRIGGER_RSS_GROWTH;
	return timer_is_due(s, now_ns) ? TRIGGER_TIMER : SAMPLER_NO_TRIGGER;
}

/* A shell's child on its way to exec holds nothing of its own yet. */
static bool is_quick_exec(const struct sampler *s, uint64_t now_ns, int64_t rss_bytes)
{
	return s->fork_child && age_ns(s, now_ns) < QUICK_EXEC_NS && s->first_rss_bytes > 0 &&
	       rss_bytes - s->first_rss_bytes < QUICK_EXEC_BYTES;
}

/* Six in a thousand within the budget, eight when twice of it is spent: a peak is to be caught
 * to a percent. Only then precision gives way, down to a tenth. */
static int64_t live_growth_permille(const struct sampler *s, uint64_t now_ns)
{
	uint64_t budget = budget_ns(s, now_ns, BUDGET_LIVE), cost = s->cost_ns[TRIGGER_LIVE_PEAK] + s->expected_ns;
	if (cost <= budget)
		return GROWTH_LIVE;
	int64_t over = (int64_t)((cost - budget) * 100 / budget);
	int64_t growth = over <= 100 ? GROWTH_LIVE + over / 50 : GROWTH_LIVE + 2 + (over - 100);
	return growth < GROWTH_ALWAYS ? growth : GROWTH_ALWAYS;
}

static bool wants_live_peak(const struct sampler *s, uint64_t now_ns, int64_t live_bytes)
{
	if (s->live_high_bytes == 0 ||
	    (grew(live_bytes, s->live_high_bytes, GROWTH_ALWAYS) && live_bytes - s->live_high_bytes >= GROWTH_LIVE_BYTES))
		return true;
	return grew(live_bytes, s->live_high_bytes, live_growth_permille(s, now_ns)) ||
	       (live_bytes > s->live_high_bytes && affordable(s, now_ns, TRIGGER_LIVE_PEAK, BUDGET_LIVE));
}

int sampler_want_asked(const struct sampler *s, uint64_t now_ns, uint32_t kinds, int64_t rss_bytes,
		       int64_t live_bytes)
{
	if (kinds & WIRE_REQUEST_PURGED)
		return TRIGGER_PURGED;
	if (kinds & WIRE_REQUEST_EXIT)
		return TRIGGER_EXIT;
	if (kinds & WIRE_REQUEST_PURGING)
		return TRIGGER_ASKED;
	if ((kinds & WIRE_REQUEST_EXEC) && !is_quick_exec(s, now_ns, rss_bytes))
		return TRIGGER_EXEC;
	if ((kinds & WIRE_REQUEST_LIVE_PEAK) && wants_live_peak(s, now_ns, live_bytes))
		return TRIGGER_LIVE_PEAK;
	if ((kinds & WIRE_REQUEST_SHRINK) && sampler_shrink_armed(s, now_ns, rss_bytes))
		return TRIGGER_SHRINK;
	return SAMPLER_NO_TRIGGER;
}

bool sampler_want_mappings(const struct sampler *s, int trigger, int64_t rss_bytes, int64_t live_bytes)
{
	if (trigger == TRIGGER_EXIT || trigger == TRIGGER_EXEC || trigger == TRIGGER_LAST)
		return true;
	if (trigger == TRIGGER_PURGED)
		return false;
	return grew(rss_bytes, s->mapped_rss_bytes, 10) || grew(live_bytes, s->mapped_live_bytes, 10) ||
	       s->mapped_rss_bytes == 0;
}

static void raise(int64_t *high, int64_t value)
{
	if (value > *high)
		*high = value;
}

void sampler_snapped(struct sampler *s, int trigger, uint64_t now_ns, uint64_t cost_ns, int64_t rss_bytes,
		     int64_t live_bytes, bool with_mappings)
{
	/* one that was preempted for long says nothing of the next, and is nobody's debt */
	if (s->snapshots++ && cost_ns > 2 * s->expected_ns)
		cost_ns = 2 * s->expected_ns;
	s->cost_ns[trigger] += cost_ns;
	s->expected_ns = cost_ns;
	s->last_ns = now_ns;
	if (trigger == TRIGGER_PURGED)
		return; /* what the target does by itself is judged */
	raise(&s->rss_high_bytes, rss_bytes);
	raise(&s->live_high_bytes, live_bytes);
	if (with_mappings) {
		raise(&s->mapped_rss_bytes, rss_bytes);
		raise(&s->mapped_live_bytes, live_bytes);
	}
}

/* ---- what the probe is told --------------------------------------------------- */

uint64_t sampler_live_trigger_bytes(const struct sampler *s, uint64_t now_ns, int64_t past_bytes)
{
	int64_t high = s->live_high_bytes;
	int64_t trigger = high + high / 1000 * live_growth_permille(s, now_ns);
	raise(&trigger, SAMPLER_LIVE_MIN_BYTES);
	raise(&trigger, past_bytes);
	return (uint64_t)trigger;
}

bool sampler_shrink_armed(const struct sampler *s, uint64_t now_ns, int64_t rss_bytes)
{
	if (s->snapshots == 0)
		return false;
	if (grew(rss_bytes, s->rss_high_bytes, GROWTH_ALWAYS) ||
	    (grew(rss_bytes, s->rss_high_bytes, GROWTH_SHRINK) && rested(s, now_ns, REST_SHRINK)))
		return true;
	return grew(rss_bytes, s->rss_high_bytes, GROWTH_CHEAP) && affordable(s, now_ns, TRIGGER_SHRINK, BUDGET_SHRINK);
}
