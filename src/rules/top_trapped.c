/* SPDX-License-Identifier: MIT */
/*
 * glibc shrinks its heap from the top, when that much is free there. One live block near the
 * top, and what is free below stays, whole pages of it.
 */
#include "glibc_heap.h"
#include "rules.h"

#define TOP_PERCENT 25 /* of what is free, at most, lies at the top */

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	struct glibc_heap h;
	if (!glibc_heap(in, &h) || glibc_heap_is_raised(&h) || h.top_bytes < 0 || h.free_bytes < 0)
		return false;
	if (h.top_bytes > h.free_bytes / 100 * TOP_PERCENT || h.free_bytes < h.dirty_bytes / 2)
		return false;
	*ret = (struct verdict_finding){ .bytes = h.dirty_bytes, .column = VERDICT_NOW,
		.moment = h.at == REPORT_AT_EXIT ? VERDICT_EXIT : VERDICT_PEAK, .confidence = VERDICT_STRONG,
		.saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s of freed pages are trapped in glibc's heap: it shrinks only from its top, and a live "
		      "block holds that.", BYTES_TEXT(h.dirty_bytes));
	glibc_heap_show(&h, ret);
	if (in->has_purge && h.at == REPORT_AT_EXIT)
		ret->saves_bytes = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	finding_advise(ret, "malloc_trim(0) in the program, after it freed much, gives back pages below the top too; "
		       "MALLOC_TRIM_THRESHOLD_ can't: it lowers the exit and idle phases, not the peak");
	finding_price(ret, "a walk through the heap, milliseconds, and faults when the pages are used again");
	return true;
}

const struct rule rule_top_trapped = {
	"top-trapped", "does one block hold the top of glibc's heap?", evaluate
};
