/* SPDX-License-Identifier: MIT */
/*
 * The resident peak is a peak of live itself, and a short one: for most of the run the program
 * held less than half. What frees all at its end alone does not count: that is no peak.
 */
#include "rules.h"
#include "verdict_help.h"

#include <stdlib.h>

#define BELOW_HALF_PERCENT 50 /* of the time live is less than half its mark */
#define AFTER_PEAK_PERCENT 20 /* of the run comes after live fell below half */
#define POINTS_MIN 8

struct shape { int64_t peak_ns, below_ns, total_ns, after_ns, median_bytes; };

static int by_live(const void *a, const void *b)
{
	const struct verdict_series_point *x = *(const struct verdict_series_point *const *)a;
	const struct verdict_series_point *y = *(const struct verdict_series_point *const *)b;
	return x->live_bytes < y->live_bytes ? -1 : x->live_bytes > y->live_bytes;
}

/* The live bytes that half of the time was below. */
static int64_t median_of_time(const struct verdict_input *in, int64_t total_ns)
{
	size_t n = in->series_count - 1;
	const struct verdict_series_point **order = calloc(n, sizeof *order);
	int64_t passed = 0, result = RECORDING_UNKNOWN;
	if (!order)
		return result;
	for (size_t i = 0; i < n; i++)
		order[i] = &in->series[i];
	qsort(order, n, sizeof *order, by_live);
	for (size_t i = 0; i < n && passed * 2 < total_ns; i++) {
		passed += order[i][1].time_ns - order[i]->time_ns;
		result = order[i]->live_bytes;
	}
	free(order);
	return result;
}

static struct shape shape_of(const struct verdict_input *in, int64_t peak_bytes)
{
	const struct verdict_series_point *p = in->series;
	struct shape s = { 0 };
	int64_t last_high_ns = p[0].time_ns;
	for (size_t i = 0; i + 1 < in->series_count; i++) {
		int64_t span = p[i + 1].time_ns - p[i].time_ns;
		s.total_ns += span;
		if (p[i].live_bytes < peak_bytes / 2)
			s.below_ns += span;
		else
			last_high_ns = p[i + 1].time_ns;
	}
	s.peak_ns = in->model->live_peak_ns;
	s.after_ns = p[in->series_count - 1].time_ns - last_high_ns;
	s.median_bytes = median_of_time(in, s.total_ns);
	return s;
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	int64_t peak = verdict_live_peak(in);
	if (!l || peak <= 0 || in->series_count < POINTS_MIN)
		return false;
	struct shape s = shape_of(in, peak);
	int64_t above = peak - s.median_bytes;
	if (s.median_bytes < 0 || s.below_ns < s.total_ns / 100 * BELOW_HALF_PERCENT ||
	    s.after_ns < s.total_ns / 100 * AFTER_PEAK_PERCENT)
		return false;
	/* else what is resident at the peak is no live data in the main */
	if (!verdict_is_worth(l, above) || peak < verdict_resident(l) / 2)
		return false;
	*ret = (struct verdict_finding){ .bytes = above, .moment = VERDICT_PEAK, .confidence = VERDICT_STRONG,
		.column = VERDICT_PROGRAM, .saves_bytes = above };
	finding_claim(ret, "the peak is the program's own: %s were live at once, for a short time; half of the run "
		      "needed no more than %s.", BYTES_TEXT(peak), BYTES_TEXT(s.median_bytes));
	finding_show(ret, "live peak %s at %s, resident peak %s", BYTES_TEXT(peak), TIME_TEXT(s.peak_ns),
		     BYTES_TEXT(verdict_resident(l)));
	finding_show(ret, "live below half of that for %s of %s, the last %s among it", TIME_TEXT(s.below_ns),
		     TIME_TEXT(s.total_ns), TIME_TEXT(s.after_ns));
	finding_ask(ret, VERDICT_WHO_LIVE,
		    verdict_time_ns(in, verdict_ledger(in, REPORT_AT_LIVE_PEAK) ? REPORT_AT_LIVE_PEAK : REPORT_AT_PEAK));
	finding_advise(ret, "only the program can lower the peak: do that work in parts, or free earlier");
	return true;
}

const struct rule rule_transient_live_peak = {
	"transient-live-peak", "did live itself peak for a short time?", evaluate
};
