/* SPDX-License-Identifier: MIT */
/*
 * A long run whose freed pages stay while the program goes on: decay works, but over a time
 * that is long beside the program's phases. Judged by the mean, for a peak may need the pages.
 */
#include "rules.h"
#include "verdict_help.h"

#define LONG_RUN_DECAYS 1          /* a run of at least that many decay times had its chance */

/* Weighted by time, over the second half: the first one is the start. */
static int64_t mean_of(const struct verdict_input *in, int64_t (*of)(const struct ledger *))
{
	int64_t from = in->model->process->start_ns + in->run_ns / 2, total_ns = 0;
	double sum = 0;
	for (size_t i = 1; i < in->snapshot_count; i++) {
		const struct recording_snapshot *a = &in->snapshots[i - 1], *b = &in->snapshots[i];
		int64_t span = (int64_t)(b->s.time_ns - a->s.time_ns);
		if ((int64_t)b->s.time_ns < from || b->s.trigger == TRIGGER_PURGED || span <= 0)
			continue;
		sum += (double)span * (double)(of(&a->s.ledger) + of(&b->s.ledger)) / 2;
		total_ns += span;
	}
	return total_ns ? (int64_t)(sum / (double)total_ns) : 0;
}

/* For longer than decay, without calls that could have purged: another rule's case. */
static bool is_idle(const struct verdict_input *in, int64_t decay_ns)
{
	struct verdict_quiet q;
	size_t cursor = 0;
	while (verdict_next_quiet(in, decay_ns > in->run_ns / 4 ? decay_ns : in->run_ns / 4, &cursor, &q))
		if (verdict_is_idle(&q))
			return true;
	return false;
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	int64_t decay_ns;
	char words[VERDICT_TEXT / 2];
	if (!l || !verdict_decay_ns(in, &decay_ns) || decay_ns <= 0 || in->run_ns / LONG_RUN_DECAYS < decay_ns ||
	    is_idle(in, decay_ns))
		return false;
	int64_t dirty = mean_of(in, verdict_dirty), gap = mean_of(in, verdict_gap);
	if (!verdict_is_worth(l, dirty) || dirty < gap / 4)
		return false;
	*ret = (struct verdict_finding){ .bytes = dirty, .moment = VERDICT_MEAN, .confidence = VERDICT_LIKELY,
		.column = VERDICT_SETTING, .saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s of freed pages stay with %s on the average while the program works: it gives them "
		      "back over %s, slower than they are freed again.", BYTES_TEXT(dirty),
		      verdict_allocator_name(in), TIME_TEXT(decay_ns));
	finding_show(ret, "mean over the second half of %s: dirty %s of %s that is resident and not live",
		     TIME_TEXT(in->run_ns), BYTES_TEXT(dirty), BYTES_TEXT(gap));
	bool shorter = verdict_is_allocator(in, "jemalloc") && decay_ns > 1000000000;
	const char *knob = shorter ? "dirty_decay_ms:1000" : verdict_decay_knob(in);
	finding_advise(ret, "%s gives them back sooner: it lowers the mean, hardly the peak",
		       verdict_setting_words(in, knob, words, sizeof words));
	finding_price(ret, "pages that are soon used again fault anew");
	return true;
}

const struct rule rule_decay_too_slow = {
	"decay-too-slow", "do freed pages stay through a long run, although decay works?", evaluate
};
