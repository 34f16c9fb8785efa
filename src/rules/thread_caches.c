/* SPDX-License-Identifier: MIT */
/*
 * Free blocks that threads keep at hand hold their pages. tcmalloc and a jemalloc with
 * statistics say how much; else what stays dirty after a purge tells: a purge takes every
 * free page, but not those whose blocks lie in caches or in slabs that are in use.
 */
#include "rules.h"
#include "verdict_help.h"

#define THREADS_MIN 4 /* fewer keep little: 8 KiB of each size class */

struct cached { int64_t bytes; bool counted; enum report_moment at; };

static struct cached find_cached(const struct verdict_input *in)
{
	static const enum report_moment moments[] = { REPORT_AT_PEAK, REPORT_AT_EXIT };
	struct cached best = { 0, false, REPORT_AT_PEAK };
	for (size_t i = 0; i < 2; i++) {
		int64_t threads, shared = 0;
		if (!verdict_figure(in, moments[i], WIRE_FIGURE_thread_caches, &threads))
			continue;
		verdict_figure(in, moments[i], WIRE_FIGURE_central_caches, &shared);
		if (!best.counted || threads + shared > best.bytes)
			best = (struct cached){ threads + shared, true, moments[i] };
	}
	const struct ledger *left = &in->purged.s.ledger;
	if (!best.counted && in->has_purge && in->purged.id && verdict_threads(in) >= THREADS_MIN &&
	    !verdict_is_allocator(in, "glibc"))
		best = (struct cached){ left->bytes[LEDGER_T_retained_dirty], false, REPORT_AT_EXIT };
	return best;
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct verdict_allocator *allocator = verdict_allocator(in);
	struct cached c = find_cached(in);
	const struct ledger *l = verdict_ledger(in, c.at);
	char words[VERDICT_TEXT / 2];
	if (!allocator || !l || !verdict_is_worth(l, c.bytes))
		return false;
	*ret = (struct verdict_finding){ .bytes = c.bytes, .column = VERDICT_SETTING,
		.moment = c.at == REPORT_AT_PEAK ? VERDICT_PEAK : VERDICT_EXIT,
		.confidence = c.counted ? VERDICT_STRONG : VERDICT_LIKELY, .saves_bytes = RECORDING_UNKNOWN };
	if (c.counted)
		finding_claim(ret, "%s of freed blocks lie in %s's caches, where only their threads get at them.",
			      BYTES_TEXT(c.bytes), allocator->name);
	else
		finding_claim(ret, "%s of freed pages stayed after a purge of %s: thread caches, and slabs in use, "
			      "hold them.", BYTES_TEXT(c.bytes), allocator->name);
	finding_show(ret, c.counted ? "thread and central caches: %s, by the allocator's account" :
		     "dirty after the purge at the exit: %s", BYTES_TEXT(c.bytes));
	finding_show(ret, "%lld threads", (long long)verdict_threads(in));
	if (allocator->knobs[KNOB_CACHE])
		finding_advise(ret, "%s keeps caches small: it lowers the peak and the exit",
			       verdict_setting_words(in, allocator->knobs[KNOB_CACHE], words, sizeof words));
	finding_price(ret, "each allocation takes a lock then: ruff with 10 threads takes a tenth longer");
	return true;
}

const struct rule rule_thread_caches = {
	"thread-caches", "do thread caches hold freed blocks?", evaluate
};
