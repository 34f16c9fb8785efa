/* SPDX-License-Identifier: MIT */
/* check_print.h - the outcome of memwhy check: for people, scripts, and what CI systems read. */
#ifndef MEMWHY_CHECK_PRINT_H
#define MEMWHY_CHECK_PRINT_H

#include "budget.h"

struct check_result {
	const struct budget *budget;
	struct budget_verdict verdicts[BUDGET_LIMITS_MAX]; /* of budget->limits */
	const struct report_model *model, *baseline;       /* baseline: NULL without one */
	const char *path, *baseline_path;
};
size_t check_broken(const struct check_result *c); /* unknown ones too: they were not kept */

typedef void check_print_fn(const struct check_result *c, FILE *out);
/* By name: text, json, junit, github; NULL: no such format. */
check_print_fn *check_format_by_name(const char *name);

#endif
