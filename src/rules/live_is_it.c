/* SPDX-License-Identifier: MIT */
/*
 * Nothing to blame: the peak is what the program asked for, and what every program has (files,
 * stacks). The verdict says it only where no other rule blames the peak.
 */
#include "rules.h"
#include "verdict_help.h"

#define IDEAL_PERCENT 80 /* of the resident peak is live high-water mark, files, stacks, mappings */

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	int64_t ideal = verdict_ideal(in), live = verdict_live_peak(in);
	if (!l || ideal < 0 || live <= 0 || ideal < verdict_resident(l) / 100 * IDEAL_PERCENT)
		return false;
	*ret = (struct verdict_finding){ .bytes = ideal, .moment = VERDICT_PEAK, .confidence = VERDICT_STRONG,
		.column = VERDICT_PROGRAM, .saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "the peak is what the program needs: at the most %s of live data were "
		      "resident, and %s are files; no "
		      "allocator setting lowers it by much.", BYTES_TEXT(live),
		      BYTES_TEXT(l->bytes[LEDGER_T_file_backed]));
	finding_show(ret, "ideal %s (the most that was live, files, stacks, the program's own mappings), measured %s",
		     BYTES_TEXT(ideal), BYTES_TEXT(verdict_resident(l)));
	finding_show(ret, "at the resident peak: live %s, files %s, stacks %s, program mmap %s",
		     BYTES_TEXT(l->bytes[LEDGER_T_live_requested_resident]),
		     BYTES_TEXT(l->bytes[LEDGER_T_file_backed]), BYTES_TEXT(l->bytes[LEDGER_T_stacks]),
		     BYTES_TEXT(l->bytes[LEDGER_T_program_mmap]));
	finding_ask(ret, VERDICT_WHO_LIVE, verdict_time_ns(in, REPORT_AT_PEAK));
	return true;
}

const struct rule rule_live_is_it = {
	"live-is-it", "is it simply what the program needs?", evaluate
};
