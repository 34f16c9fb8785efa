/* SPDX-License-Identifier: MIT */
/*
 * jemalloc's decay (and mimalloc's) advances when a thread calls it. When all is quiet for longer than decay
 * and the freed pages are still there, nobody called; a background thread would have.
 */
#include "rules.h"
#include "verdict_help.h"

#include <string.h>

#define FELL_PERCENT 50 /* that much of dirty gone: decay did run */

static bool has_background_threads(const struct verdict_input *in)
{
	int64_t n;
	const char *option = verdict_setting(in, "opt.background_thread");
	if (!option)
		option = verdict_setting(in, "background_thread");
	if (verdict_figure(in, REPORT_AT_EXIT, WIRE_FIGURE_background_threads, &n) ||
	    verdict_figure(in, REPORT_AT_PEAK, WIRE_FIGURE_background_threads, &n))
		return n > 0;
	return option && (!strcmp(option, "true") || !strcmp(option, "1"));
}

/* The last snapshot in the stretch, or behind it while live is still the same. */
static const struct ledger *ledger_after(const struct verdict_input *in, const struct verdict_quiet *q)
{
	const struct ledger *found = NULL;
	for (size_t i = 0; i < in->snapshot_count; i++) {
		const struct snapshot *s = &in->snapshots[i].s;
		if ((int64_t)s->time_ns < q->from_ns || s->trigger == TRIGGER_PURGED ||
		    !ledger_has(&s->ledger, LEDGER_T_live_requested) ||
		    !verdict_is_level(in, s->ledger.bytes[LEDGER_T_live_requested], q->live_bytes))
			continue;
		if ((int64_t)s->time_ns <= q->to_ns || !found)
			found = &s->ledger;
	}
	return found;
}

/* The stretch that left most behind. */
static const struct ledger *find_worst(const struct verdict_input *in, int64_t decay_ns, struct verdict_quiet *ret)
{
	struct verdict_quiet q;
	const struct ledger *worst = NULL;
	size_t cursor = 0;
	while (verdict_next_quiet(in, decay_ns, &cursor, &q)) {
		const struct ledger *l = ledger_after(in, &q);
		int64_t dirty = l ? verdict_dirty(l) : 0;
		/* a thread that calls purges its own arena, no other's */
		if (verdict_threads(in) < 2 && !verdict_is_idle(&q))
			continue;
		if (!l || !verdict_is_worth(l, dirty) ||
		    q.rss_from_bytes - q.rss_to_bytes > dirty / 100 * FELL_PERCENT)
			continue;
		if (!worst || dirty > verdict_dirty(worst))
			worst = l, *ret = q;
	}
	return worst;
}

static void advise(const struct verdict_input *in, struct verdict_finding *f)
{
	char words[VERDICT_TEXT / 2];
	if (verdict_is_allocator(in, "jemalloc")) {
		finding_advise(f, "%s purges idle arenas: it lowers idle phases and the exit, not the peak",
			       verdict_setting_words(in, "background_thread:true", words, sizeof words));
		finding_price(f, "a thread or a few that sleep most of the time");
	} else {
		finding_advise(f, "%s gives pages back when they are freed: it lowers idle phases and the exit, "
			       "not the peak", verdict_decay_knob(in));
		finding_price(f, "pages that are soon used again fault anew");
	}
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	struct verdict_quiet q = { 0 };
	int64_t decay_ns;
	if ((!verdict_is_allocator(in, "jemalloc") && !verdict_is_allocator(in, "mimalloc")) ||
	    has_background_threads(in) || !verdict_decay_ns(in, &decay_ns) || decay_ns <= 0)
		return false;
	const struct ledger *l = find_worst(in, decay_ns, &q);
	if (!l)
		return false;
	*ret = (struct verdict_finding){ .bytes = verdict_dirty(l), .moment = VERDICT_EXIT,
		.confidence = VERDICT_STRONG, .column = VERDICT_SETTING, .saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s of freed pages outlived their decay time (%s): %s purges when it is called, "
		      "and the threads that freed them were idle.", BYTES_TEXT(ret->bytes), TIME_TEXT(decay_ns),
		      in->heap->name);
	finding_show(ret, "live stayed level for %s, with %s calls; resident went from %s to %s",
		     TIME_TEXT(q.to_ns - q.from_ns), COUNT_TEXT(q.calls), BYTES_TEXT(q.rss_from_bytes),
		     BYTES_TEXT(q.rss_to_bytes));
	finding_show(ret, "dirty after that: %s; background threads: none", BYTES_TEXT(ret->bytes));
	if (in->has_purge)
		ret->saves_bytes = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	advise(in, ret);
	return true;
}

const struct rule rule_no_background_thread = {
	"no-background-thread", "did freed pages stay through idle times longer than their decay?", evaluate
};
