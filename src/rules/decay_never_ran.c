/* SPDX-License-Identifier: MIT */
/*
 * The run was over before the allocator's decay could give anything back: free pages pile up
 * until the exit. Of the peak it says little: what is dirty at the end was mostly live before,
 * but for what was kept beyond the largest live set. Measured, dirty_decay_ms:0, 2 threads: ruff
 * 0.17.6 80 to 72 MiB at the peak (10 kept), 0.0.247 51 to 29 MiB (21 kept).
 */
#include "rules.h"
#include "verdict_help.h"

#include <stdio.h>

static void say_claim(const struct verdict_input *in, int64_t dirty, int64_t decay_ns, struct verdict_finding *f)
{
	const char *name = verdict_allocator_name(in);
	if (decay_ns < 0)
		finding_claim(f, "at the exit %s still keeps %s of freed pages: by its settings it gives next to "
			      "nothing back by itself.", name, BYTES_TEXT(dirty));
	else
		finding_claim(f, "at the exit %s still keeps %s of freed pages: it would give them back after %s, "
			      "and the run was over after %s.", name, BYTES_TEXT(dirty), TIME_TEXT(decay_ns),
			      TIME_TEXT(in->run_ns));
}

/* What a purge left is no decay's to give back either: it lies in thread caches and slabs. */
static int64_t kept(const struct verdict_input *in, const struct ledger *l)
{
	int64_t dirty = verdict_dirty(l), given = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	return in->has_purge && given < dirty ? given : dirty;
}

static void say_purge(const struct verdict_input *in, struct verdict_finding *f)
{
	if (!in->has_purge)
		return;
	f->saves_bytes = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	f->confidence = VERDICT_CERTAIN;
	finding_show(f, "a purge at the exit took resident memory from %s to %s",
		     BYTES_TEXT(in->purge.rss_before_bytes), BYTES_TEXT(in->purge.rss_after_bytes));
}

static void show(const struct verdict_input *in, const struct ledger *l, struct verdict_finding *f)
{
	finding_show(f, "dirty at the exit %s, muzzy %s, live %s", BYTES_TEXT(l->bytes[LEDGER_T_retained_dirty]),
		     BYTES_TEXT(l->bytes[LEDGER_T_retained_muzzy]),
		     BYTES_TEXT(l->bytes[LEDGER_T_live_requested_resident]));
	finding_show(f, "at the resident peak at most %s of free pages were more than the largest live set needed",
		     BYTES_TEXT(verdict_kept_at_peak(in)));
}

#define PEAK_SHARE 7 /* kept at the peak, a seventh of it: decay lowers the peak too */

static void advise(const struct verdict_input *in, struct verdict_finding *f)
{
	const struct ledger *peak = verdict_ledger(in, REPORT_AT_PEAK);
	int64_t beyond = verdict_kept_at_peak(in);
	bool lowers = peak && verdict_is_worth(peak, beyond) && beyond >= verdict_resident(peak) / PEAK_SHARE;
	char words[VERDICT_TEXT / 2], and[UNITS_SIZE + 32] = "hardly the peak";
	if (lowers)
		snprintf(and, sizeof and, "and the peak by about %s", BYTES_TEXT(beyond));
	finding_advise(f, "%s gives freed pages back at once: it lowers the exit, %s",
		       verdict_setting_words(in, verdict_decay_knob(in), words, sizeof words), and);
	finding_price(f, lowers ? "more page faults and madvise calls (measured on ruff: a fifth to a third longer)" :
		      "more page faults and madvise calls (measured on ruff: a fifth to a third longer); "
		      "for a program that ends anyway it buys nothing");
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_EXIT);
	int64_t decay_ns;
	if (!l || !verdict_decay_ns(in, &decay_ns) || (decay_ns >= 0 && in->run_ns >= decay_ns))
		return false;
	if (!verdict_is_worth(l, kept(in, l)))
		return false;
	*ret = (struct verdict_finding){ .bytes = kept(in, l), .moment = VERDICT_EXIT,
		.confidence = VERDICT_STRONG, .column = VERDICT_NOW, .saves_bytes = RECORDING_UNKNOWN };
	say_claim(in, ret->bytes, decay_ns, ret);
	show(in, l, ret);
	say_purge(in, ret);
	advise(in, ret);
	return true;
}

const struct rule rule_decay_never_ran = {
	"decay-never-ran", "was the run over before freed pages could decay?", evaluate
};
