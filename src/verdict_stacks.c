/* SPDX-License-Identifier: MIT */
/*
 * Stacks are read at few snapshots: the nearest one answers, if what its stacks sum to is at
 * least half of what the finding claims and mostly of known stacks; else it is of another
 * state of the heap, and nobody is named. Findings of one moment share a model.
 */
#include "verdict_stacks.h"

#include "stack_model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARE 10       /* a holder has a tenth of it, at least */

struct tally { struct stack_sum about; int64_t live_bytes; };
struct naming {
	struct stack_labels labels;
	struct stack_model model;
	bool had;
	int64_t at_ns;
	struct tally *tallies; /* by label; the labels only grow */
	struct tally all, unknown;
};

static const enum stack_by by_of[] = {
	[VERDICT_WHO_LIVE] = STACK_BY_LIVE, [VERDICT_WHO_PINNED] = STACK_BY_PINNED,
	[VERDICT_WHO_ROUNDING] = STACK_BY_ROUNDING,
};

/* ---- one moment ---------------------------------------------------------------------------- */

static void forget(struct naming *n)
{
	if (n->had)
		stack_model_finish(&n->model);
	n->had = false;
}

static int load(struct naming *n, struct recording *r, const struct report_model *m, int64_t at_ns)
{
	struct stack_query q = STACK_QUERY_DEFAULT;
	if (n->had && n->at_ns == at_ns)
		return 0;
	forget(n);
	q.report.at = REPORT_AT_TIME;
	q.report.at_ns = at_ns;
	q.report.pid = m->process->pid;
	int result = stack_model_init(&n->model, r, &q, &n->labels);
	if (result)
		return result;
	n->had = true;
	n->at_ns = at_ns;
	/* after an exec two processes have one pid */
	return n->model.report.process->id == m->process->id ? 0 : -ENOMSG;
}

/* ---- by function --------------------------------------------------------------------------- */

static void tally_one(struct tally *to, const struct stack_entry *e, const struct stack_sum *about)
{
	struct stack_sum live = { .bytes = to->live_bytes }, more = { .bytes = e->figure.live_bytes };
	stack_sum_add(&to->about, about);
	stack_sum_add(&live, &more);
	to->live_bytes = live.bytes;
}

static int tally(struct naming *n, enum stack_by by)
{
	const struct stack_model *m = &n->model;
	const uint32_t *lines;
	free(n->tallies);
	n->tallies = calloc(n->labels.count + 1, sizeof *n->tallies);
	n->all = n->unknown = (struct tally){ 0 };
	if (!n->tallies)
		return -ENOMEM;
	for (size_t i = 0; i < m->entry_count; i++) {
		const struct stack_entry *e = &m->entries[i];
		struct stack_sum about = stack_by_infos[by].of(e);
		stack_model_chain(m, e->stack, true, &lines);
		uint32_t name = m->lines[lines[0]].names[STACK_GROUP_FUNCTION];
		tally_one(e->stack ? &n->tallies[name] : &n->unknown, e, &about);
		tally_one(&n->all, e, &about);
	}
	return 0;
}

/* The largest that is left, and takes it away; NULL: none is worth a name. */
static const char *take_largest(struct naming *n, struct tally *ret)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < n->labels.count; i++)
		if (n->tallies[i].about.bytes > n->tallies[best].about.bytes)
			best = i;
	*ret = n->tallies[best];
	n->tallies[best] = (struct tally){ 0 };
	return ret->about.bytes > 0 && ret->about.bytes >= n->all.about.bytes / SHARE ? n->labels.all[best].text : NULL;
}

static int name(struct naming *n, struct verdict_finding *f)
{
	enum stack_by by = by_of[f->who];
	struct tally t;
	const char *function;
	int result = tally(n, by);
	if (result)
		return result;
	if (n->all.about.bytes < f->bytes / 2 || n->unknown.about.bytes > n->all.about.bytes / 2)
		return 0;
	while (f->holder_count < VERDICT_HOLDERS_MAX && (function = take_largest(n, &t)) != NULL) {
		struct verdict_holder *h = &f->holders[f->holder_count++];
		*h = (struct verdict_holder){ .bytes = t.about.bytes, .live_bytes = t.live_bytes,
			.error_bytes = n->model.sampled && stack_by_infos[by].has_error ?
				       (int64_t)fmin(sqrt(t.about.variance), 9e18) : RECORDING_UNKNOWN };
		snprintf(h->function, sizeof h->function, "%s", function);
	}
	return 0;
}

int verdict_name_holders(struct recording *r, const struct report_model *m, struct verdict *v)
{
	struct naming n = { .had = false };
	int result = 0;
	for (size_t i = 0; !result && i < v->finding_count; i++) {
		struct verdict_finding *f = &v->findings[i];
		if (f->who == VERDICT_WHO_NOBODY)
			continue;
		result = load(&n, r, m, f->who_ns);
		v->has_stacks = v->has_stacks || result == 0 || result == -ENOMSG;
		if (!result)
			result = name(&n, f);
		if (result == -ENOENT || result == -ENOMSG)
			result = 0;
	}
	forget(&n);
	free(n.tallies);
	stack_labels_finish(&n.labels);
	return result;
}
