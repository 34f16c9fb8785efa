/* SPDX-License-Identifier: MIT */
/*
 * budget.h - "peak_rss<200MiB,rss/live<1.6,live_peak<+5%": what a recording must keep to.
 *
 * A limit is FIGURE [/ FIGURE] (< | <= | > | >=) VALUE. A figure is a term of the ledger, at
 * the resident peak or, with "live_peak." or "exit." in front, at another moment; or one of
 * the names in budget.c's table (peak_rss, live_peak, exit_rss, wall, ...). A value has a unit
 * (B, KiB, MiB, GiB, kB, MB, GB; for times ns, us, ms, s), or with a sign is relative to the
 * same figure of a baseline: +5%, -1MiB. rss is net of memwhy's own pages, as in the report.
 * Parsing and judging are pure but for the models they read.
 */
#ifndef MEMWHY_BUDGET_H
#define MEMWHY_BUDGET_H

#include "report_model.h"

#define BUDGET_LIMITS_MAX 64
#define BUDGET_TEXT 96

enum budget_unit { BUDGET_BYTES, BUDGET_NS, BUDGET_COUNT };
enum budget_op { BUDGET_LESS, BUDGET_LESS_EQUAL, BUDGET_MORE, BUDGET_MORE_EQUAL };

struct budget_figure {
	int special;               /* index of budget.c's table, or -1: a term of the ledger */
	enum report_moment moment; /* of a term */
	enum ledger_term term;
};
struct budget_limit {
	char text[BUDGET_TEXT];    /* as it was written */
	struct budget_figure left, right;
	bool is_ratio;
	enum budget_op op;
	bool is_relative, is_percent;
	double value;              /* bytes, ns, a count, a ratio; percent where it is one */
};
struct budget {
	struct budget_limit limits[BUDGET_LIMITS_MAX];
	size_t count;
	bool needs_baseline;
};
/* -EINVAL: ret_error has what is wrong, with what is accepted. */
int budget_parse(const char *text, struct budget *ret_budget, char *ret_error, size_t error_size);

enum budget_outcome { BUDGET_KEPT, BUDGET_BROKEN, BUDGET_UNKNOWN };
struct budget_verdict {
	enum budget_outcome outcome;
	double value, limit;       /* what it is, and what it had to keep to; 0 where unknown */
	const char *why_unknown;   /* a clause, when it is */
};
/* baseline: NULL where no limit needs one. */
struct budget_verdict budget_judge(const struct budget_limit *l, const struct report_model *m,
				   const struct report_model *baseline);
enum budget_unit budget_unit_of(const struct budget_limit *l);
/* Every name that may stand on the left, for --help: NULL behind the last. */
const char *budget_name(size_t index, const char **ret_meaning);

#endif
