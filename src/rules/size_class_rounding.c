/* SPDX-License-Identifier: MIT */
/*
 * An allocator has blocks of certain sizes, and headers. With four classes to a doubling a
 * mixed program loses 5 to 10 % of what it asked for; much more means that its usual sizes lie
 * just above a class, or are tiny.
 */
#include "rules.h"
#include "verdict_help.h"

#define ROUNDING_TO_LIVE_PERCENT 15

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	if (!l || !ledger_has(l, LEDGER_T_rounding))
		return false;
	int64_t rounding = l->bytes[LEDGER_T_rounding], live = l->bytes[LEDGER_T_live_requested_resident];
	if (!verdict_is_worth(l, rounding) || rounding < live / 100 * ROUNDING_TO_LIVE_PERCENT)
		return false;
	*ret = (struct verdict_finding){ .bytes = rounding, .moment = VERDICT_PEAK, .confidence = VERDICT_CERTAIN,
		.column = VERDICT_SETTING, .saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s's size classes add %s to %s of live data, %lld %%: the program's usual sizes "
		      "lie just above a class, or are tiny.", verdict_allocator_name(in), BYTES_TEXT(rounding),
		      BYTES_TEXT(live), (long long)(rounding * 100 / (live ? live : 1)));
	finding_show(ret, "at the resident peak: rounding %s, live %s", BYTES_TEXT(rounding), BYTES_TEXT(live));
	const struct counters *c = in->model->counters;
	if (c && c->allocations)
		finding_show(ret, "mean size asked for: %s in %s allocations",
			     BYTES_TEXT((int64_t)(c->allocated_bytes / c->allocations)), COUNT_TEXT(c->allocations));
	finding_ask(ret, VERDICT_WHO_ROUNDING, verdict_time_ns(in, REPORT_AT_PEAK));
	finding_advise(ret, "other sizes: drop the few bytes above a class, or keep many small ones in one array; "
		       "an allocator with other classes changes it too: it lowers the peak and the exit");
	return true;
}

const struct rule rule_size_class_rounding = {
	"size-class-rounding", "do size classes and headers add much to live?", evaluate
};
