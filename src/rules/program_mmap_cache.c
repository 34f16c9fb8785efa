/* SPDX-License-Identifier: MIT */
/*
 * Anonymous memory that the program mapped itself: a cache, a pool, an allocator of its own
 * (CPython's obmalloc). No malloc setting touches it.
 */
#include "rules.h"
#include "verdict_help.h"

#include <string.h>

#define GAP_SHARE 4 /* a quarter of what is resident and not live */

static bool is_python(const struct verdict_input *in)
{
	const char *base = strrchr(in->model->process->exe, '/');
	return !strncmp(base ? base + 1 : in->model->process->exe, "python", 6);
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK), *end = verdict_ledger(in, REPORT_AT_EXIT);
	if (!l || !ledger_has(l, LEDGER_T_program_mmap))
		return false;
	int64_t bytes = l->bytes[LEDGER_T_program_mmap];
	if (!verdict_is_worth(l, bytes) || bytes < verdict_gap(l) / GAP_SHARE)
		return false;
	*ret = (struct verdict_finding){ .bytes = bytes, .moment = VERDICT_PEAK, .confidence = VERDICT_STRONG,
		.column = VERDICT_PROGRAM, .saves_bytes = is_python(in) ? RECORDING_UNKNOWN : bytes };
	finding_claim(ret, "%s are mapped by the program itself, past malloc: %s.", BYTES_TEXT(bytes),
		      is_python(in) ? "Python's own allocator keeps its objects there" :
		      "a cache or pool of its own");
	finding_show(ret, "program mmap %s at the resident peak", BYTES_TEXT(bytes));
	if (end)
		finding_show(ret, "and %s at the exit", BYTES_TEXT(end->bytes[LEDGER_T_program_mmap]));
	if (is_python(in)) {
		finding_advise(ret, "PYTHONMALLOC=malloc makes these objects visible as live data; "
			       "it explains them, and lowers nothing by itself");
		finding_price(ret, "a slower Python");
	} else {
		finding_advise(ret, "only the program can: a smaller cache, or madvise for what it does not use; "
			       "it lowers the peak and the exit");
	}
	return true;
}

const struct rule rule_program_mmap_cache = {
	"program-mmap-cache", "does the program map memory of its own?", evaluate
};
