/* SPDX-License-Identifier: MIT */
/*
 * glibc learns: once a large mapped block was freed, later ones of that size come from the
 * heap, and the heap keeps twice that much at its top before it shrinks.
 */
#include "glibc_heap.h"
#include "rules.h"

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	struct glibc_heap h;
	if (!glibc_heap(in, &h) || !glibc_heap_is_raised(&h))
		return false;
	*ret = (struct verdict_finding){ .bytes = h.kept_bytes, .column = VERDICT_SETTING,
		.moment = h.at == REPORT_AT_EXIT ? VERDICT_EXIT : VERDICT_PEAK,
		.confidence = h.threshold_bytes >= 0 ? VERDICT_STRONG : VERDICT_LIKELY,
		.saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s of freed large blocks stay in glibc's heap: it raised its mmap threshold when the "
		      "first of them was freed, and keeps twice that much before it shrinks.",
		      BYTES_TEXT(h.kept_bytes));
	glibc_heap_show(&h, ret);
	if (in->has_purge && h.at == REPORT_AT_EXIT)
		ret->saves_bytes = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	finding_advise(ret, "MALLOC_MMAP_THRESHOLD_=131072 keeps it fixed, so that a large block goes back when it is "
		       "freed (MALLOC_TRIM_THRESHOLD_=131072: the top alone): it lowers the exit and idle phases");
	finding_price(ret, "a system call and fresh page faults for each large block");
	return true;
}

const struct rule rule_mmap_threshold_raised = {
	"mmap-threshold-raised", "did glibc's dynamic threshold keep large freed blocks?", evaluate
};
