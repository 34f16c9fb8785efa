/* SPDX-License-Identifier: MIT */
/*
 * All rules over one input, then three orders: what is blamed at the peak, what is blamed
 * later (the exit, the mean), what is said because nothing is to blame; in each the largest
 * first. The peak is the question that people ask first, and one that an exit's figure never
 * answers: what is dirty at the end was mostly live before.
 */
#include "verdict.h"

#include "rules/rules.h"
#include "verdict_gather.h"
#include "verdict_help.h"
#include "verdict_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- findings ---------------------------------------------------------------------------- */

/* Less of the peak than that, and what is said of the exit may come first, unless a setting's
 * saving at the peak is known. */
#define PEAK_SHARE_PERCENT 15

static int rank(const struct verdict_finding *f, int64_t peak_bytes)
{
	if (f->rule == rule_retained_is_not_memory.id)
		return 2;
	if (f->rule == rule_live_is_it.id)
		return 3;
	bool matters = (f->column == VERDICT_SETTING && f->saves_bytes > 0) || f->bytes >= peak_bytes / 100 * PEAK_SHARE_PERCENT;
	return f->moment == VERDICT_PEAK && f->column != VERDICT_NOBODY && matters ? 0 : 1;
}

static int in_order(const void *a, const void *b, void *arg)
{
	const struct verdict_finding *x = a, *y = b;
	int p = rank(x, *(int64_t *)arg), q = rank(y, *(int64_t *)arg);
	if (p != q)
		return p - q;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->rule, y->rule);
}

/* Blame of the peak, and "it is what the program needs", can't both be. */
static bool is_peak_blamed(const struct verdict *v)
{
	for (size_t i = 0; i < v->finding_count; i++)
		if (v->findings[i].moment == VERDICT_PEAK && v->findings[i].rule != rule_retained_is_not_memory.id)
			return true;
	return false;
}

static size_t count_rules(void)
{
	size_t n = 0;
	while (rules[n])
		n++;
	return n;
}

static int evaluate_all(const struct verdict_input *in, struct verdict *v)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	bool doubtful = report_trust(in->model) == REPORT_LIVE_UNRELIABLE;
	v->findings = calloc(count_rules(), sizeof *v->findings);
	if (!v->findings)
		return -ENOMEM;
	for (size_t i = 0; rules[i]; i++) {
		struct verdict_finding *f = &v->findings[v->finding_count];
		if (rules[i] == &rule_live_is_it && (doubtful || is_peak_blamed(v)))
			continue;
		if (!rules[i]->evaluate(in, f))
			continue;
		f->rule = rules[i]->id;
		f->confidence = doubtful ? VERDICT_LIKELY : f->confidence;
		v->finding_count++;
	}
	int64_t peak_bytes = l ? verdict_resident(l) : 0;
	qsort_r(v->findings, v->finding_count, sizeof *v->findings, in_order, &peak_bytes);
	return 0;
}

/* ---- columns ------------------------------------------------------------------------------ */

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* measured: what the purge took off, or RECORDING_UNKNOWN. What a purge leaves of the dirty
 * pages lies in thread caches and slabs: settings decide on those. */
static struct verdict_columns columns_of(const struct ledger *l, int64_t measured)
{
	struct verdict_columns c = { 0 };
	if (!l)
		return c;
	int64_t gap = verdict_gap(l), dirty = verdict_dirty(l);
	c.had = true;
	c.now_measured = measured >= 0;
	c.now_bytes = smaller(measured >= 0 ? measured : dirty, gap);
	c.setting_bytes = l->bytes[LEDGER_T_rounding] + l->bytes[LEDGER_T_huge_fill] +
			  (dirty > c.now_bytes ? dirty - c.now_bytes : 0);
	c.setting_bytes = smaller(c.setting_bytes, gap - c.now_bytes);
	c.program_bytes = l->bytes[LEDGER_T_fragmentation] + l->bytes[LEDGER_T_program_mmap] +
			  l->bytes[LEDGER_T_stacks] + l->bytes[LEDGER_T_shared_memory];
	c.program_bytes = smaller(c.program_bytes, gap - c.now_bytes - c.setting_bytes);
	c.nobody_bytes = gap - c.now_bytes - c.setting_bytes - c.program_bytes;
	return c;
}

static int64_t purge_difference(const struct verdict_input *in)
{
	int64_t difference = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	return !in->has_purge ? RECORDING_UNKNOWN : difference > 0 ? difference : 0;
}

static void take_purge(const struct verdict_input *in, struct verdict *v)
{
	v->has_purge = in->has_purge;
	v->purge_before_bytes = in->has_purge ? in->purge.rss_before_bytes : RECORDING_UNKNOWN;
	v->purge_after_bytes = in->has_purge ? in->purge.rss_after_bytes : RECORDING_UNKNOWN;
	v->purge_took_ns = in->has_purge ? in->purge.took_ns : RECORDING_UNKNOWN;
}

int verdict_judge(const struct verdict_input *in, struct verdict *ret_verdict)
{
	struct verdict v = { 0 };
	int result = evaluate_all(in, &v);
	if (result)
		return result;
	v.peak = columns_of(verdict_ledger(in, REPORT_AT_PEAK), RECORDING_UNKNOWN);
	v.exit = columns_of(verdict_ledger(in, REPORT_AT_EXIT), purge_difference(in));
	v.ideal_bytes = verdict_ideal(in);
	take_purge(in, &v);
	*ret_verdict = v;
	return 0;
}

int verdict_make(struct recording *r, const struct report_model *m, struct verdict *ret_verdict)
{
	struct verdict_gathered g;
	int result = verdict_gather(r, m, &g);
	if (result)
		return result;
	struct verdict v;
	result = verdict_judge(&g.in, &v);
	verdict_gather_finish(&g);
	if (result)
		return result;
	result = verdict_name_holders(r, m, &v);
	if (result)
		verdict_finish(&v);
	else
		*ret_verdict = v;
	return result;
}

void verdict_finish(struct verdict *v)
{
	free(v->findings);
	v->findings = NULL;
	v->finding_count = 0;
}

const char *verdict_moment_name(enum verdict_moment m)
{
	static const char *const names[] = { "peak", "exit", "mean" };
	return names[m];
}

const char *verdict_confidence_name(enum verdict_confidence c)
{
	static const char *const names[] = { "likely", "strong", "certain" };
	return names[c];
}

const char *verdict_column_name(enum verdict_column c)
{
	static const char *const names[] = { "now", "setting", "program", "nobody" };
	return names[c];
}
