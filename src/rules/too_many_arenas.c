/* SPDX-License-Identifier: MIT */
/*
 * Each arena keeps its own free pages, and none may use another's. What they keep together at
 * the resident peak beyond the largest live set is what fewer arenas would save, at most;
 * ruff with 10 threads: 115 MiB, with narenas:1 96, with dirty_decay_ms:0 90.
 */
#include "rules.h"
#include "verdict_help.h"

#define ARENAS_MIN 4        /* with fewer, the arenas are hardly the story */
#define ARENAS_PER_CPU 3    /* busy CPUs never ask for more than one each at a time */
#define PEAK_SHARE 7        /* of the peak, at least: a seventh */

struct arenas { int64_t used; bool counted; };

/* Without the allocator's word: a thread gets one of its own, up to 4 (jemalloc) or 8 (glibc) a CPU. */
static struct arenas arenas_in_use(const struct verdict_input *in)
{
	struct arenas a = { verdict_threads(in), false };
	int64_t value, limit = verdict_arenas_limit(in);
	if (limit > 0 && limit < a.used)
		a.used = limit;
	if (verdict_figure(in, REPORT_AT_PEAK, WIRE_FIGURE_arenas_used, &value) ||
	    verdict_figure(in, REPORT_AT_PEAK, WIRE_FIGURE_arenas, &value))
		a = (struct arenas){ value, true };
	if (in->figures[REPORT_AT_PEAK].arenas_seen)
		a = (struct arenas){ in->figures[REPORT_AT_PEAK].arenas_seen, true };
	return a;
}

static void show(const struct verdict_input *in, const struct ledger *l, struct arenas a, struct verdict_finding *f)
{
	finding_show(f, "at the resident peak: dirty %s, fragmentation %s",
		     BYTES_TEXT(verdict_dirty(l)), BYTES_TEXT(l->bytes[LEDGER_T_fragmentation]));
	finding_show(f, "resident %s; the largest live set, files, stacks and the program's own mappings are %s",
		     BYTES_TEXT(verdict_resident(l)), BYTES_TEXT(verdict_ideal(in)));
	finding_show(f, "%s%lld arenas in use; %lld threads in all, %lld CPUs busy on the average",
		     a.counted ? "" : "at most ", (long long)a.used, (long long)verdict_threads(in),
		     (long long)verdict_busy_cpus(in));
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	const struct verdict_allocator *allocator = verdict_allocator(in);
	struct arenas a = arenas_in_use(in);
	int64_t kept = verdict_kept_at_peak(in), busy = verdict_busy_cpus(in);
	char words[VERDICT_TEXT / 2];
	if (!l || !allocator || !allocator->knobs[KNOB_ARENAS] || a.used < ARENAS_MIN ||
	    a.used < ARENAS_PER_CPU * busy)
		return false;
	if (!verdict_is_worth(l, kept) || kept < verdict_resident(l) / PEAK_SHARE)
		return false;
	*ret = (struct verdict_finding){ .bytes = kept, .moment = VERDICT_PEAK,
		.confidence = a.counted ? VERDICT_STRONG : VERDICT_LIKELY, .column = VERDICT_SETTING,
		.saves_bytes = RECORDING_UNKNOWN };
	finding_claim(ret, "%s%lld arenas of %s for %lld busy CPU%s keep %s of free pages at the peak that the "
		      "largest live set did not need: each keeps its own.", a.counted ? "" : "up to ",
		      (long long)a.used, allocator->name, (long long)busy, busy == 1 ? "" : "s", BYTES_TEXT(kept));
	show(in, l, a, ret);
	finding_advise(ret, "%s makes the threads share one: it lowers the peak, by less than that",
		       verdict_setting_words(in, allocator->knobs[KNOB_ARENAS], words, sizeof words));
	finding_price(ret, "threads that allocate at once wait for each other; with thread caches seldom");
	return true;
}

const struct rule rule_too_many_arenas = {
	"too-many-arenas", "do more arenas keep free pages at the peak than the work needs?", evaluate
};
