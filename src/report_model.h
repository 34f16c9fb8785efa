/* SPDX-License-Identifier: MIT */
/*
 * report_model.h - what every format of the report shows, found once: the process, its
 * moments, the others by size. No figure is made up here; what could not be had is
 * marked, with the reason.
 */
#ifndef MEMWHY_REPORT_MODEL_H
#define MEMWHY_REPORT_MODEL_H

#include "recording.h"
#include "report.h"

#define REPORT_MOMENTS (REPORT_AT_TIME + 1)

struct report_found {
	bool had;
	struct recording_snapshot snapshot;
};

struct report_model {
	struct recording *recording;
	const struct recording_run *run;
	const struct recording_process *process;       /* the one that the report is about */
	const struct recording_process **others;       /* largest first; owned */
	size_t other_count;
	struct report_found moments[REPORT_MOMENTS];   /* TIME only if it was asked for */
	int64_t largest_net_bytes;                     /* of all snapshots; RECORDING_UNKNOWN */
	int64_t snapshots_ns;                          /* what they took together */
	int64_t live_peak_bytes, live_peak_ns;         /* by the counters; RECORDING_UNKNOWN */
	const struct counters *counters;               /* the last that are known, or NULL */
	struct counters last_counters;
};

/* Errors as report_print_summary(). */
int report_model_init(struct report_model *m, struct recording *r, const struct report_options *options);
void report_model_finish(struct report_model *m);

const char *report_moment_name(enum report_moment at); /* "peak", "live-peak", "exit", "time" */

/* Net of memwhy's own pages. False: could not be had. Pure. */
bool report_resident(const struct ledger *l, int64_t *ret_bytes);
/* What the process weighed at most, net if that is known; RECORDING_UNKNOWN. Pure. */
int64_t report_process_peak(const struct recording_process *p);
/* The allocator that holds the heap: one that is linked in and followed, else the only one
 * there is; NULL where several do. Pure. */
const char *report_allocator(const struct recording_process *p);

enum report_trust { REPORT_LIVE_EXACT, REPORT_LIVE_NEARLY, REPORT_LIVE_UNRELIABLE, REPORT_LIVE_UNKNOWN };
/* By the counters of unknown frees, reallocs and double allocations. */
enum report_trust report_trust(const struct report_model *m);
const char *report_trust_name(enum report_trust t); /* "exact", "nearly-exact", ... */

#endif
