/* SPDX-License-Identifier: MIT */
/* Shared pages count in each process that touched them, and once in the machine. */
#include "rules.h"
#include "verdict_help.h"

#define GAP_SHARE 4 /* a quarter of what is resident and not live */

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	if (!l || !ledger_has(l, LEDGER_T_shared_memory))
		return false;
	int64_t shared = l->bytes[LEDGER_T_shared_memory];
	if (!verdict_is_worth(l, shared) || shared < verdict_gap(l) / GAP_SHARE)
		return false;
	*ret = (struct verdict_finding){ .bytes = shared, .moment = VERDICT_PEAK, .confidence = VERDICT_CERTAIN,
		.column = VERDICT_PROGRAM, .saves_bytes = shared };
	finding_claim(ret, "%s are shared memory: it counts in every process that touched it, and once in the "
		      "machine.", BYTES_TEXT(shared));
	finding_show(ret, "shared memory %s of %s at the resident peak", BYTES_TEXT(shared),
		     BYTES_TEXT(verdict_resident(l)));
	finding_advise(ret, "only the program can: smaller segments, or unmap them where they are not used; "
		       "don't add up resident sets of processes that share them");
	return true;
}

const struct rule rule_shared_memory = {
	"shared-memory", "is it mostly shared memory?", evaluate
};
