/* SPDX-License-Identifier: MIT */
/* Stacks stay as large as they once were, one for each thread. */
#include "rules.h"
#include "verdict_help.h"

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	if (!l || !ledger_has(l, LEDGER_T_stacks))
		return false;
	int64_t stacks = l->bytes[LEDGER_T_stacks], threads = verdict_threads(in);
	if (!verdict_is_worth(l, stacks))
		return false;
	*ret = (struct verdict_finding){ .bytes = stacks, .moment = VERDICT_PEAK, .confidence = VERDICT_CERTAIN,
		.column = VERDICT_PROGRAM, .saves_bytes = stacks };
	finding_claim(ret, "%s are stacks of threads: what a stack once reached stays resident.", BYTES_TEXT(stacks));
	finding_show(ret, "stacks %s at the resident peak", BYTES_TEXT(stacks));
	if (threads > 0)
		finding_show(ret, "%lld threads allocated: %s each", (long long)threads,
			     BYTES_TEXT(stacks / threads));
	finding_advise(ret, "fewer threads, or smaller arrays and less recursion in them: it lowers the peak; "
		       "a smaller stack limit alone changes nothing that was touched");
	return true;
}

const struct rule rule_thread_stacks = {
	"thread-stacks", "do many or deep stacks add up?", evaluate
};
