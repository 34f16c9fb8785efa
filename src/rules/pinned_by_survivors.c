/* SPDX-License-Identifier: MIT */
/*
 * A page is given back whole or not at all: few live bytes, spread thin, hold many pages.
 * The worst moment may lie between the peak and the exit, after the mass was freed.
 */
#include "rules.h"
#include "verdict_help.h"

/* Free bytes beside live ones, by live: a healthy heap has 10 to 30, one that is just being torn down 80. */
#define PINNED_TO_LIVE_PERCENT 100

static int64_t pinned(const struct ledger *l)
{
	return l->bytes[LEDGER_T_fragmentation];
}

/* Pages that are pinned while all is torn down, or built up, are soon gone. */
#define LASTS_SHARE 10 /* at least half of it stays for a tenth of the run */

static bool counts(const struct recording_snapshot *s)
{
	return s->s.trigger != TRIGGER_PURGED && ledger_has(&s->s.ledger, LEDGER_T_fragmentation);
}

static bool lasts(const struct verdict_input *in, size_t from)
{
	const struct recording_snapshot *s = in->snapshots;
	for (size_t i = from; i < in->snapshot_count; i++) {
		if (counts(&s[i]) && pinned(&s[i].s.ledger) < pinned(&s[from].s.ledger) / 2)
			return false;
		if ((int64_t)(s[i].s.time_ns - s[from].s.time_ns) >= in->run_ns / LASTS_SHARE)
			return true;
	}
	return true; /* until the end */
}

static const struct recording_snapshot *worst(const struct verdict_input *in)
{
	const struct recording_snapshot *found = NULL;
	for (size_t i = 0; i < in->snapshot_count; i++) {
		const struct recording_snapshot *s = &in->snapshots[i];
		if (counts(s) && (!found || pinned(&s->s.ledger) > pinned(&found->s.ledger)) && lasts(in, i))
			found = s;
	}
	return found;
}

static enum verdict_moment moment_of(const struct verdict_input *in, const struct recording_snapshot *s)
{
	const struct report_found *m = in->model->moments;
	return m[REPORT_AT_PEAK].had && m[REPORT_AT_PEAK].snapshot.id == s->id ? VERDICT_PEAK :
	       m[REPORT_AT_EXIT].had && m[REPORT_AT_EXIT].snapshot.id == s->id ? VERDICT_EXIT : VERDICT_MEAN;
}

/* What is no longer pinned is dirty: it goes where the allocator gives it back in time. */
static bool is_given_back(const struct verdict_input *in)
{
	int64_t decay_ns;
	if (verdict_is_allocator(in, "glibc"))
		return true;
	return verdict_decay_ns(in, &decay_ns) && decay_ns >= 0 && decay_ns <= in->run_ns / LASTS_SHARE;
}

static bool is_pinned(const struct ledger *l)
{
	return verdict_is_worth(l, pinned(l)) &&
	       pinned(l) >= l->bytes[LEDGER_T_live_requested_resident] / 100 * PINNED_TO_LIVE_PERCENT;
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct recording_snapshot *s = worst(in);
	if (!s || !is_pinned(&s->s.ledger))
		return false;
	const struct ledger *l = &s->s.ledger;
	int64_t live = l->bytes[LEDGER_T_live_requested_resident], rounding = l->bytes[LEDGER_T_rounding];
	*ret = (struct verdict_finding){ .bytes = pinned(l), .moment = moment_of(in, s),
		.confidence = VERDICT_CERTAIN, .column = VERDICT_PROGRAM, 
		.saves_bytes = is_given_back(in) ? pinned(l) : RECORDING_UNKNOWN };
	finding_claim(ret, "%s of live data hold %s of pages: what was freed around them, %s, can't be given back.",
		      BYTES_TEXT(live), BYTES_TEXT(live + rounding + pinned(l)), BYTES_TEXT(pinned(l)));
	finding_show(ret, "fragmentation %s at %s, live %s, rounding %s", BYTES_TEXT(pinned(l)),
		     TIME_TEXT((int64_t)s->s.time_ns), BYTES_TEXT(live), BYTES_TEXT(rounding));
	if (in->has_purge && in->purged.id && ledger_has(&in->purged.s.ledger, LEDGER_T_fragmentation))
		finding_show(ret, "after the purge at the exit %s were still there",
			     BYTES_TEXT(pinned(&in->purged.s.ledger)));
	finding_ask(ret, VERDICT_WHO_PINNED, (int64_t)s->s.time_ns);
	finding_advise(ret, "only the program can: allocate what lives long apart from what is freed soon, "
		       "or copy the survivors together; no setting or purge takes these pages");
	return true;
}

const struct rule rule_pinned_by_survivors = {
	"pinned-by-survivors", "do few live bytes hold many pages?", evaluate
};
