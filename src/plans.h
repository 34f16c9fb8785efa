/* SPDX-License-Identifier: MIT */
/*
 * plans.h - the plan for an executable that is about to be followed: kept in memory for the
 * files of this run, on disk for the next one (plan_cache.h), else identified (identify.h).
 * Thread-safe: one answer at a time is worked out, and others wait for it.
 */
#ifndef MEMWHY_PLANS_H
#define MEMWHY_PLANS_H

#include "identify.h"

#include <stdbool.h>

struct plans;
/* What is known of one file; lives as long as the plans. */
struct plans_answer {
	const struct wire_plan *plan; /* NULL: there is nothing to patch */
	const char *why;              /* a clause: why not, or why not all; "" when there is nothing to say */
	const char *own;              /* an allocator that is linked in and not in the plan; NULL: none seen */
	bool is_cached;               /* from the disk: no identification in this run */
	struct identify_report report;/* of the identification, when there was one */
};

struct plans_options {
	enum identify_mode mode;
	const char *probe_path;       /* NULL: nothing is identified by behaviour */
	/* Told once for each identification by behaviour, when it has ended. Any thread. */
	void (*on_identified)(void *arg, const char *path, const struct plans_answer *a);
	void *arg;
};
int plans_create(const struct plans_options *options, struct plans **ret_plans);
void plans_destroy(struct plans *p);

/* open_path: where the file can be read ("/proc/PID/exe"); path: by which it can be run
 * again, and its name for people. NULL when it could not be looked at. A file that has no
 * allocator of its own costs a stat after the first time. */
const struct plans_answer *plans_for(struct plans *p, const char *open_path, const char *path);
/* Likewise of a module that the program `host` has loaded, which is run again to look at it. */
const struct plans_answer *plans_for_module(struct plans *p, const char *open_path, const char *path, const char *host);

/* The run met blocks that this answer's plan did not account for (unknown frees, reallocs, double
 * allocations); callers: module addresses of who freed them, as far as they lie in the file.
 * The next run identifies anew, with the callers as hints; a few times at most, for there are
 * programs that cannot be had whole. Nothing where names found all. Any thread. */
void plans_doubt(struct plans *p, const struct plans_answer *answer, const uint64_t *callers, size_t count);

#endif
