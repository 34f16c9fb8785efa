/* SPDX-License-Identifier: MIT */
/*
 * Executable, libraries, mapped files: the page cache's, shared with whoever maps them too.
 * Said where they are the larger part of what is not live, and more than live.
 */
#include "rules.h"
#include "verdict_help.h"

#define FILES_MIN (INT64_C(8) << 20) /* a C library and an interpreter are half of that */
#define GAP_PERCENT 40

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	if (!l || !ledger_has(l, LEDGER_T_file_backed))
		return false;
	int64_t files = l->bytes[LEDGER_T_file_backed], dirty = l->bytes[LEDGER_T_file_private_dirty];
	if (files < FILES_MIN || files < verdict_gap(l) / 100 * GAP_PERCENT || files < verdict_live_peak(in) ||
	    !verdict_is_worth(l, files))
		return false;
	*ret = (struct verdict_finding){ .bytes = files, .moment = VERDICT_PEAK, .confidence = VERDICT_CERTAIN,
		.column = VERDICT_NOBODY, .saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s are pages of files (program, libraries, mapped files), of which %s are private; the "
		      "kernel takes the others back when it needs memory.", BYTES_TEXT(files), BYTES_TEXT(dirty));
	finding_show(ret, "files %s of %s at the resident peak, private %s", BYTES_TEXT(files),
		     BYTES_TEXT(verdict_resident(l)), BYTES_TEXT(dirty));
	finding_show(ret, "the most that was live: %s", BYTES_TEXT(verdict_live_peak(in)));
	finding_advise(ret, "a smaller or stripped executable, fewer libraries, less of a mapped file at a time; "
		       "no allocator setting changes it");
	return true;
}

const struct rule rule_file_backed = {
	"file-backed", "is it mostly pages of files?", evaluate
};
