/* SPDX-License-Identifier: MIT */
/*
 * verdict_help.h - what the rules share: is it worth a word, what the recording says of a
 * moment, how a finding is put into words, what an allocator's settings are called. Pure.
 */
#ifndef MEMWHY_VERDICT_HELP_H
#define MEMWHY_VERDICT_HELP_H

#include "util/units.h"
#include "verdict.h"

/* Below this nobody would change anything for it. */
#define VERDICT_FLOOR_BYTES (INT64_C(4) << 20)
/* ... nor for less than a tenth of what is resident beyond live. */
#define VERDICT_GAP_SHARE 10
/* ... nor for less than a twentieth of what is resident at all. */
#define VERDICT_RSS_SHARE 20

/* For one printf call: the text lives as long as the block. */
#define BYTES_TEXT(n) units_bytes((n), (char[UNITS_SIZE]){ 0 })
#define TIME_TEXT(n) units_duration((n), (char[UNITS_SIZE]){ 0 })
#define COUNT_TEXT(n) units_count((uint64_t)(n), (char[UNITS_SIZE]){ 0 })

/* NULL: there is none, or live is not known there. */
const struct ledger *verdict_ledger(const struct verdict_input *in, enum report_moment at);
int64_t verdict_time_ns(const struct verdict_input *in, enum report_moment at); /* of its snapshot, where there is one */
int64_t verdict_resident(const struct ledger *l); /* net of the probe */
int64_t verdict_gap(const struct ledger *l);      /* resident and not live */
int64_t verdict_dirty(const struct ledger *l);    /* dirty and muzzy */
/* Floor, share of the gap and share of the whole. */
bool verdict_is_worth(const struct ledger *l, int64_t bytes);
/* The live high-water mark as far as it was resident; RECORDING_UNKNOWN. */
int64_t verdict_live_peak(const struct verdict_input *in);
/* Live high-water mark + files + stacks + program mmap + shared, at the resident peak;
 * RECORDING_UNKNOWN. */
int64_t verdict_ideal(const struct verdict_input *in);
/* Free pages at the resident peak that the largest live set did not need, at most: what is
 * resident above the ideal, rounding and the allocator's own data. What is dirty at a late
 * peak was live before, and no setting takes that off the peak. 0 if not known. */
int64_t verdict_kept_at_peak(const struct verdict_input *in);

/* False: not known. */
bool verdict_figure(const struct verdict_input *in, enum report_moment at, enum wire_figure f, int64_t *ret_value);
/* CPUs that were busy on the average, at least 1. */
int64_t verdict_busy_cpus(const struct verdict_input *in);
int64_t verdict_threads(const struct verdict_input *in); /* at the resident peak or the most since */

/* A stretch in which live stays level (within a hundredth of its mark). */
struct verdict_quiet {
	int64_t from_ns, to_ns, calls, rss_from_bytes, rss_to_bytes, live_bytes;
};
/* The next one that is at least so long; *cursor begins at 0. False: no more. */
bool verdict_next_quiet(const struct verdict_input *in, int64_t at_least_ns, size_t *cursor,
			struct verdict_quiet *ret_quiet);
/* Fewer than 1,000 calls a second in it: jemalloc looks at its clock once in as many. */
bool verdict_is_idle(const struct verdict_quiet *q);
bool verdict_is_level(const struct verdict_input *in, int64_t live_a_bytes, int64_t live_b_bytes);

/* ---- the allocator's words ----------------------------------------------------------------- */

enum verdict_knob { KNOB_DECAY, KNOB_ARENAS, KNOB_CACHE, KNOB_HUGE, VERDICT_KNOBS };
struct verdict_allocator {
	const char *name;
	int64_t decay_ms;               /* by default; -1: never by itself */
	const char *decay_settings[2];  /* its names among the settings, or NULL */
	const char *knobs[VERDICT_KNOBS]; /* NULL: it has none */
	bool conf;                      /* the knobs are parts of MALLOC_CONF, else variables */
};
/* NULL: not known, or several. */
const struct verdict_allocator *verdict_allocator(const struct verdict_input *in);
bool verdict_is_allocator(const struct verdict_input *in, const char *name);
/* Name of the allocator, or "the allocator". */
const char *verdict_allocator_name(const struct verdict_input *in);
/* In force: by the settings, by a figure, else the default; -1: never. False: it has no decay. */
bool verdict_decay_ns(const struct verdict_input *in, int64_t *ret_ns);
/* The decay's setting at work at once, in the words of the release that is there. */
const char *verdict_decay_knob(const struct verdict_input *in);
/* By a setting that is in force; RECORDING_UNKNOWN. */
int64_t verdict_arenas_limit(const struct verdict_input *in);
/* "MALLOC_CONF=narenas:1"; of a jemalloc that is linked in, both variables that it may read. */
const char *verdict_setting_words(const struct verdict_input *in, const char *knob, char *text, size_t size);

/* ---- a finding's words --------------------------------------------------------------------- */

void finding_claim(struct verdict_finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void finding_advise(struct verdict_finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void finding_price(struct verdict_finding *f, const char *text);
/* One line of evidence; what is above VERDICT_EVIDENCE_MAX is left out. */
void finding_show(struct verdict_finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whose stacks would name the culprit, at that snapshot. */
void finding_ask(struct verdict_finding *f, enum verdict_who who, int64_t snapshot_ns);

#endif
