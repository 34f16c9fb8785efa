/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - why the process is bigger than its data, and what would give it back. Rules
 * (src/rules/, one file each) look at what was recorded and make findings; the verdict ranks
 * them by bytes. A finding is a claim with its evidence: each figure in its text is one of the
 * recording's. A finding that cannot be supported is not made; where nothing stands out the
 * verdict says so. Pure: reads a verdict_input, no files, no clock.
 */
#ifndef MEMWHY_VERDICT_H
#define MEMWHY_VERDICT_H

#include "recording_allocator.h"
#include "report_model.h"

enum verdict_confidence { VERDICT_LIKELY, VERDICT_STRONG, VERDICT_CERTAIN };
enum verdict_moment { VERDICT_PEAK, VERDICT_EXIT, VERDICT_MEAN }; /* which figure the advice changes */
enum verdict_column { VERDICT_NOW, VERDICT_SETTING, VERDICT_PROGRAM, VERDICT_NOBODY };

#define VERDICT_EVIDENCE_MAX 8
#define VERDICT_TEXT 512

/* Functions that hold what a finding is about, by the recording's call stacks: allocator
 * shims left out, the largest first, none below a tenth. */
enum verdict_who { VERDICT_WHO_NOBODY, VERDICT_WHO_LIVE, VERDICT_WHO_PINNED, VERDICT_WHO_ROUNDING };
#define VERDICT_HOLDERS_MAX 3
struct verdict_holder {
	char function[256];
	int64_t bytes;             /* of what the finding is about: live, pinned or rounding */
	int64_t error_bytes;       /* its standard error; RECORDING_UNKNOWN: exact */
	int64_t live_bytes;        /* of its blocks */
};
struct verdict_finding {
	const char *rule;          /* "decay-never-ran": the rule's id, stable, for scripts */
	int64_t bytes;             /* how much of what is resident this explains, at `moment` */
	enum verdict_moment moment;
	enum verdict_confidence confidence;
	enum verdict_column column;
	int64_t saves_bytes;       /* the counterfactual: what the advice takes off `moment`; RECORDING_UNKNOWN */
	char claim[VERDICT_TEXT];  /* one sentence */
	char advice[VERDICT_TEXT]; /* in words that the target's own allocator accepts; "": none */
	char price[VERDICT_TEXT];  /* what it costs, in words; "" */
	char evidence[VERDICT_EVIDENCE_MAX][VERDICT_TEXT];
	unsigned evidence_count;
	enum verdict_who who;      /* whose stacks are asked for, at the snapshot of who_ns */
	int64_t who_ns;
	struct verdict_holder holders[VERDICT_HOLDERS_MAX]; /* by verdict_make() */
	unsigned holder_count;     /* 0: no stacks were recorded near that, or nobody stands out */
};

/* Figures of one heap at one moment, the nearest reading; has: bit per figure. */
struct verdict_figures { bool had; int64_t time_ns; uint64_t has; int64_t values[WIRE_FIGURES]; unsigned arenas_seen; };
/* allocated_bytes, calls (allocations and frees): since the start. */
struct verdict_series_point { int64_t time_ns, rss_bytes, live_bytes, allocated_bytes, calls; };
struct verdict_named_value { char *name, *value; };

struct verdict_input {
	const struct report_model *model;          /* process, moments (peak, live-peak, exit), counters */
	const struct recording_heap *heap;         /* the program's allocator; NULL: several or unknown */
	uint32_t heap_index;
	struct verdict_figures figures[REPORT_MOMENTS];
	const struct verdict_series_point *series; /* samples, thinned to at most 4096 */
	size_t series_count;
	const struct verdict_named_value *settings;/* of the heap, in the allocator's own words */
	size_t setting_count;
	const struct recording_snapshot *snapshots;/* all kept, in order of time */
	size_t snapshot_count;
	bool has_purge;
	struct recording_purge purge;              /* the one at exit */
	struct recording_snapshot purged;          /* after it; valid with has_purge if .id */
	int64_t run_ns;                            /* lifetime of the process */
	int64_t cpu_ns;                            /* user and system time; RECORDING_UNKNOWN */
};
const char *verdict_setting(const struct verdict_input *in, const char *name); /* value or NULL */

struct rule {
	const char *id;
	const char *question;      /* for memwhy-why(1): what it looks for */
	/* Fills *ret and returns true when it applies. */
	bool (*evaluate)(const struct verdict_input *in, struct verdict_finding *ret);
};
extern const struct rule *const rules[]; /* NULL-terminated */

/* Everything resident beyond live, by what would give it back; sums exactly to rss - live. */
struct verdict_columns {
	bool had;                  /* false: live or rss is not known at that moment */
	int64_t now_bytes, setting_bytes, program_bytes, nobody_bytes;
	bool now_measured;         /* by a purge; else the ledger's dirty and muzzy pages: an estimate */
};
struct verdict {
	/* What is blamed at the peak, then what is blamed at other moments, then what is not to
	 * blame; in each the largest first. Owned. */
	struct verdict_finding *findings;
	size_t finding_count;
	struct verdict_columns peak, exit;
	bool has_stacks;           /* call stacks were recorded; only verdict_make() knows */
	bool has_purge;            /* the one at exit, if it was measured */
	int64_t purge_before_bytes, purge_after_bytes, purge_took_ns;
	int64_t ideal_bytes;       /* live high-water + files + stacks + program's own; RECORDING_UNKNOWN */
};
/* -ENOMEM, or recording.h's errors. m is borrowed for the call only. */
int verdict_make(struct recording *r, const struct report_model *m, struct verdict *ret_verdict);
/* The same from an input; pure. -ENOMEM. */
int verdict_judge(const struct verdict_input *in, struct verdict *ret_verdict);
void verdict_finish(struct verdict *v);
/* "peak", "likely", "now": as in JSON. */
const char *verdict_moment_name(enum verdict_moment m);
const char *verdict_confidence_name(enum verdict_confidence c);
const char *verdict_column_name(enum verdict_column c);

#endif
