/* SPDX-License-Identifier: MIT */
/*
 * glibc shrinks its heap from the top, when that much is free there. One live block near the
 * top, and what is free below stays, whole pages of it.
 */
#include "glibc_heap.h"
#include "rules.h"

#include <stdio.h>

#define TOP_PERCENT 25 /* of what is free, at most, lies at the top */

/* In use for glibc, and freed by the program: what a thread's cache holds traps the top too. */
static bool is_cached(const struct verdict_input *in, const struct glibc_heap *h)
{
	int64_t allocated;
	return verdict_figure(in, h->at, WIRE_FIGURE_allocated, &allocated) &&
	       allocated > h->ledger->bytes[LEDGER_T_live_requested] + h->ledger->bytes[LEDGER_T_rounding];
}

static void advise(const struct verdict_input *in, const struct glibc_heap *h, struct verdict_finding *f)
{
	char words[VERDICT_TEXT / 2], caches[VERDICT_TEXT / 2] = "";
	if (is_cached(in, h))
		snprintf(caches, sizeof caches, "; where the last blocks lie in a thread's cache, %.150s lets them go",
			 verdict_setting_words(in, verdict_allocator(in)->knobs[KNOB_CACHE], words, sizeof words));
	finding_advise(f, "malloc_trim(0) in the program, after it freed much, gives back pages below the top too; "
		       "MALLOC_TRIM_THRESHOLD_ can't%s: it lowers the exit and idle phases, not the peak", caches);
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	struct glibc_heap h;
	if (!glibc_heap(in, &h) || glibc_heap_is_raised(&h) || h.top_bytes < 0 || h.free_bytes < 0)
		return false;
	if (h.top_bytes > h.free_bytes / 100 * TOP_PERCENT || h.free_bytes < h.dirty_bytes / 2)
		return false;
	*ret = (struct verdict_finding){ .bytes = h.kept_bytes, .column = VERDICT_NOW,
		.moment = h.at == REPORT_AT_EXIT ? VERDICT_EXIT : VERDICT_PEAK, .confidence = VERDICT_STRONG,
		.saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s of freed pages are trapped in glibc's heap: it shrinks only from its top, and a live "
		      "block holds that.", BYTES_TEXT(h.kept_bytes));
	glibc_heap_show(&h, ret);
	if (in->has_purge && h.at == REPORT_AT_EXIT)
		ret->saves_bytes = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	advise(in, &h, ret);
	finding_price(ret, "a walk through the heap, milliseconds, and faults when the pages are used again");
	return true;
}

const struct rule rule_top_trapped = {
	"top-trapped", "does one block hold the top of glibc's heap?", evaluate
};
