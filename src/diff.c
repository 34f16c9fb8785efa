/* SPDX-License-Identifier: MIT */
/* Two recordings in one tree of callers; see diff.h. */
#include "diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int add_side(struct diff *d, int side)
{
	int r = stack_model_init(&d->models[side], d->recordings[side], &d->options.query, &d->names);
	if (r)
		return r;
	return stack_tree_add(&d->tree, &d->models[side], d->options.group, STACK_CALLERS, true, (unsigned)side);
}

static void drop_stacks(struct diff *d)
{
	for (int side = 0; side < 2; side++)
		if (d->models[side].names)
			stack_model_finish(&d->models[side]);
	stack_tree_finish(&d->tree);
	stack_labels_finish(&d->names);
}

/* That a recording has none is no failure: its ledger is still worth a look. */
static int add_stacks(struct diff *d, int *ret_bad)
{
	for (int side = 0; side < 2; side++) {
		int r = add_side(d, side);
		if (!r)
			continue;
		*ret_bad = side;
		if (r != -ENOENT && r != -ENOMSG)
			return r;
		snprintf(d->stacks_error, sizeof d->stacks_error, "%s: %.*s", side ? "B" : "A", 200,
			 stack_error_text(d->recordings[side], r));
		drop_stacks(d);
		return 0;
	}
	d->has_stacks = true;
	return 0;
}

int diff_init(struct diff *d, struct recording *a, struct recording *b, const struct diff_options *options, int *ret_bad)
{
	*d = (struct diff){ .recordings = { a, b }, .options = *options };
	if (options->query.by == STACK_BY_PEAK)
		d->options.query.report.at = REPORT_AT_LIVE_PEAK;
	int r = 0;
	for (int side = 0; side < 2 && !r; side++) {
		*ret_bad = side;
		r = report_model_init(&d->reports[side], d->recordings[side], &d->options.query.report);
	}
	if (!r)
		r = add_stacks(d, ret_bad);
	if (r)
		diff_finish(d);
	return r;
}

void diff_finish(struct diff *d)
{
	drop_stacks(d);
	for (int side = 0; side < 2; side++)
		report_model_finish(&d->reports[side]);
}

const struct ledger *diff_ledger(const struct diff *d, int side)
{
	const struct report_found *f = &d->reports[side].moments[d->options.query.report.at];
	return f->had ? &f->snapshot.s.ledger : NULL;
}

const struct stack_sum *diff_sum(const struct diff *d, const struct stack_tree_node *n, int side)
{
	return d->options.group == STACK_GROUP_STACK ? &n->own[side] : &n->sum[side];
}

/* Sums saturate at the ends of int64_t: a difference of two may not fit. */
static int64_t distance(const struct stack_sum s[2])
{
	int64_t change;
	if (__builtin_sub_overflow(s[1].bytes, s[0].bytes, &change) || change == INT64_MIN)
		return INT64_MAX;
	return change < 0 ? -change : change;
}

static int64_t rank_sum(const struct stack_tree_node *n)
{
	return distance(n->sum);
}

static int64_t rank_own(const struct stack_tree_node *n)
{
	return distance(n->own);
}

uint32_t *diff_ranked(const struct diff *d, size_t *ret_count)
{
	bool stacks = d->options.group == STACK_GROUP_STACK;
	return stack_tree_ranked(&d->tree, &d->names, stacks ? UINT32_MAX : 0, stacks ? rank_own : rank_sum, ret_count);
}
