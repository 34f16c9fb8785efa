/* SPDX-License-Identifier: MIT */
/*
 * make_verdict.h - inputs for rules: a process whose model, figures, series and snapshots a
 * test fills, with one allocator. The input points into the struct, which must stay in place.
 */
#ifndef MAKE_VERDICT_H
#define MAKE_VERDICT_H

#include "make_recording.h"
#include "verdict.h"

#define SECOND INT64_C(1000000000)
#define FIXTURE_POINTS 200

struct verdict_fixture {
	struct verdict_input in;
	struct report_model model;
	struct recording_run run;
	struct recording_process process;
	struct recording_heap heap;
	struct counters counters;
	struct verdict_series_point series[FIXTURE_POINTS];
	struct recording_snapshot snapshots[REPORT_MOMENTS];
	struct verdict_named_value settings[4];
};

/* A run of run_ms, one busy CPU, threads of allocator; nothing recorded yet. */
void fixture_init(struct verdict_fixture *f, const char *allocator, const char *found, int64_t run_ms, unsigned threads);
/* A ledger of MiB: live, dirty, fragmentation; files of 2 MiB, rounding a 32nd of live. */
struct ledger fixture_ledger(int64_t live_mib, int64_t dirty_mib, int64_t pinned_mib);
/* One more of a term's bytes, with the sum. */
void fixture_add(struct ledger *l, enum ledger_term t, int64_t mib);
void fixture_moment(struct verdict_fixture *f, enum report_moment at, int64_t ms, struct ledger l);
void fixture_figure(struct verdict_fixture *f, enum report_moment at, enum wire_figure figure, int64_t value);
void fixture_setting(struct verdict_fixture *f, const char *name, const char *value);
/* live of each point of the series, evenly over the run; calls: for each point. */
void fixture_series(struct verdict_fixture *f, int64_t (*live)(int point), int64_t calls);
void fixture_purge(struct verdict_fixture *f, int64_t before_mib, int64_t after_mib);

/* NULL: the rule was not among the findings. */
const struct verdict_finding *find_rule(const struct verdict *v, const char *rule);
struct verdict fixture_judge(struct verdict_fixture *f);
/* Expects this rule first ("": no finding). */
void expect_first(struct verdict_fixture *f, const char *rule);

#endif
