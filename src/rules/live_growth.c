/* SPDX-License-Identifier: MIT */
/*
 * Live grows steadily while work comes and goes, and nothing of it is freed at the end: as a
 * leak does. The slope is Theil and Sen's median of all pairs' slopes over the second half, so
 * that neither the start nor single steps decide it. Loading data is steady growth as well;
 * what tells a leak is the work that was freed meanwhile, a program that mostly waits (who
 * loads does so as fast as he can), or a long run.
 */
#include "rules.h"
#include "verdict_help.h"

#include <stdlib.h>
#include <string.h>

#define POINTS 128               /* 8,128 pairs */
#define POINTS_MIN 16
#define RISING_PERCENT 90        /* of the pairs: Mann and Kendall's count */
#define STEP_PERCENT 40          /* one step with more of the growth than that is a step */
#define GROWTH_PERCENT 15        /* of the mark, over the second half */
#define KEPT_PERCENT 75          /* of the mark, live at the end */
#define CHURN_PERCENT 50         /* freed meanwhile, by what it grew */
#define BUSY_PERCENT 50          /* of one CPU: who loads is busier */
#define LONG_RUN_NS INT64_C(60000000000)

struct half {
	struct verdict_series_point points[POINTS];
	size_t count;
	int64_t growth_bytes, span_ns, allocated_bytes;
};

/* Evenly in time, since samples come where something changes. */
static void take_second_half(const struct verdict_input *in, struct half *h)
{
	const struct verdict_series_point *p = in->series;
	size_t n = in->series_count, next = 0;
	int64_t from = (p[0].time_ns + p[n - 1].time_ns) / 2, span = p[n - 1].time_ns - from;
	h->count = 0;
	for (size_t k = 0; k < POINTS; k++) {
		int64_t at = from + span / (POINTS - 1) * (int64_t)k;
		while (next + 1 < n && p[next + 1].time_ns <= at)
			next++;
		h->points[h->count] = p[next];
		h->points[h->count++].time_ns = at;
	}
	h->growth_bytes = h->points[h->count - 1].live_bytes - h->points[0].live_bytes;
	h->allocated_bytes = h->points[h->count - 1].allocated_bytes - h->points[0].allocated_bytes;
	h->span_ns = span;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Bytes for each second; *ret_rising: percent of the pairs that rise. */
static double median_slope(const struct half *h, int *ret_rising)
{
	size_t pairs = 0, rising = 0;
	double *slopes = calloc(h->count * h->count / 2, sizeof *slopes), result = 0;
	if (!slopes)
		return 0;
	for (size_t i = 0; i < h->count; i++)
		for (size_t k = i + 1; k < h->count; k++) {
			double d = (double)(h->points[k].live_bytes - h->points[i].live_bytes);
			rising += d > 0;
			slopes[pairs++] = d * 1e9 / (double)(h->points[k].time_ns - h->points[i].time_ns);
		}
	qsort(slopes, pairs, sizeof *slopes, by_value);
	result = slopes[pairs / 2];
	*ret_rising = (int)(rising * 100 / pairs);
	free(slopes);
	return result;
}

static bool is_step(const struct half *h)
{
	for (size_t i = 1; i < h->count; i++)
		if (h->points[i].live_bytes - h->points[i - 1].live_bytes > h->growth_bytes / 100 * STEP_PERCENT)
			return true;
	return false;
}

static bool is_kept(const struct verdict_input *in, int64_t peak)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_EXIT);
	int64_t end = l ? l->bytes[LEDGER_T_live_requested] : in->series[in->series_count - 1].live_bytes;
	return end >= peak / 100 * KEPT_PERCENT;
}

/* Data that is loaded comes at once, and is not freed meanwhile. */
static bool is_more_than_loading(const struct verdict_input *in, const struct half *h)
{
	bool waits = in->cpu_ns >= 0 && in->cpu_ns < in->run_ns / 100 * BUSY_PERCENT;
	return in->run_ns >= LONG_RUN_NS || waits ||
	       h->allocated_bytes - h->growth_bytes >= h->growth_bytes / 100 * CHURN_PERCENT;
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	struct half h;
	int rising = 0;
	int64_t peak = in->model->live_peak_bytes;
	if (!l || peak <= 0 || in->series_count < POINTS_MIN ||
	    in->series[in->series_count - 1].time_ns - in->series[0].time_ns < POINTS)
		return false;
	take_second_half(in, &h);
	if (h.growth_bytes < VERDICT_FLOOR_BYTES || h.growth_bytes < peak / 100 * GROWTH_PERCENT || is_step(&h) ||
	    !is_kept(in, peak) || !is_more_than_loading(in, &h))
		return false;
	double slope = median_slope(&h, &rising);
	if (slope <= 0 || rising < RISING_PERCENT)
		return false;
	*ret = (struct verdict_finding){ .bytes = h.points[h.count - 1].live_bytes - in->series[0].live_bytes,
		.moment = VERDICT_PEAK, .confidence = in->run_ns >= LONG_RUN_NS ? VERDICT_STRONG : VERDICT_LIKELY,
		.column = VERDICT_PROGRAM, .saves_bytes = h.points[h.count - 1].live_bytes - in->series[0].live_bytes };
	finding_claim(ret, "live data grows by %s a second and never falls, as with a leak: %s in the second half "
		      "of the run.", BYTES_TEXT((int64_t)slope), BYTES_TEXT(h.growth_bytes));
	finding_show(ret, "second half, %s: %d %% of all pairs of moments rise, no step is over %d %% of the growth",
		     TIME_TEXT(h.span_ns), rising, STEP_PERCENT);
	finding_show(ret, "%s were allocated in it, and all but the growth freed", BYTES_TEXT(h.allocated_bytes));
	if (in->cpu_ns >= 0)
		finding_show(ret, "%s of CPU time in a run of %s", TIME_TEXT(in->cpu_ns), TIME_TEXT(in->run_ns));
	finding_show(ret, "at the end %s were live, the most in the run %s",
		     BYTES_TEXT(in->series[in->series_count - 1].live_bytes), BYTES_TEXT(peak));
	finding_ask(ret, VERDICT_WHO_LIVE,
		    verdict_time_ns(in, verdict_ledger(in, REPORT_AT_EXIT) ? REPORT_AT_EXIT : REPORT_AT_PEAK));
	finding_advise(ret, "only the program can: find who allocates what is never freed");
	return true;
}

const struct rule rule_live_growth = {
	"live-growth", "does live grow steadily, as with a leak?", evaluate
};
