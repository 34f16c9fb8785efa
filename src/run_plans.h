/* SPDX-License-Identifier: MIT */
/*
 * run_plans.h - the plans of one run, and what the user is told of the time that they take:
 * at once while nothing was launched, when the run has ended after that, for in between
 * standard error is the target's.
 */
#ifndef MEMWHY_RUN_PLANS_H
#define MEMWHY_RUN_PLANS_H

#include "plans.h"

struct run_plans;
/* quiet: say nothing at all. 0 or -ENOMEM. */
int run_plans_create(enum identify_mode mode, const char *probe_path, bool quiet, struct run_plans **ret_plans);
struct plans *run_plans_get(struct run_plans *p);
/* The target is being launched: from now on notices are kept. */
void run_plans_launched(struct run_plans *p);
/* Prints what was kept: the recording is complete, the summary follows. NULL is fine. */
void run_plans_say(struct run_plans *p);
/* Prints what is left of that, and frees. NULL is fine. */
void run_plans_destroy(struct run_plans *p);

#endif
