/* SPDX-License-Identifier: MIT */
/*
 * sampler.h - when to look at a process and when to look closely: the schedule of
 * samples, the triggers of snapshots, their budgets, and which samples are kept. Pure: no I/O, no clock, no locks; times come in as CLOCK_MONOTONIC ns.
 *
 * Bounds, for a run of any length: each trigger but the process's own requests for EXIT
 * and EXEC needs growth by a factor, or time by a factor; kept samples are two at most
 * for each 1/2000 of the run time so far. So both grow with the logarithm of the run.
 */
#ifndef MEMWHY_SAMPLER_H
#define MEMWHY_SAMPLER_H

#include "snapshot.h"

#define SAMPLER_NO_TRIGGER (-1)
/* Live maxima below this are nobody's question. */
#define SAMPLER_LIVE_MIN_BYTES (256 << 10)

struct sampler {
	uint64_t start_ns;
	uint64_t every_ns;        /* fixed interval, 0: by schedule */
	uint64_t snapshot_every_ns; /* a snapshot at least this often; 0: by schedule. Set after the init */
	uint64_t next_sample_ns;
	bool fork_child;
	/* snapshots so far */
	unsigned snapshots;
	uint64_t cost_ns[TRIGGERS]; /* by what they were taken for */
	uint64_t last_ns;
	uint64_t expected_ns;     /* what the next one will cost */
	int64_t first_rss_bytes;  /* of the first sample */
	int64_t rss_bytes, rss_before_bytes; /* of the last two */
	int64_t rss_high_bytes;   /* largest that a snapshot saw */
	int64_t live_high_bytes;
	int64_t mapped_rss_bytes, mapped_live_bytes; /* of the last one that took the mappings */
	/* samples not yet handed out: those of the open bucket */
	uint64_t bucket_end_ns;
	bool bucket_used;
	struct sample rss_top, live_top;
};

void sampler_init(struct sampler *s, uint64_t start_ns, uint64_t every_ns, bool fork_child);

/* ---- samples ---------------------------------------------------------------- */
/* Interval between samples at this age of the process. */
uint64_t sampler_interval_ns(const struct sampler *s, uint64_t now_ns);
/* A sample was taken: sets the next one's time. */
void sampler_sampled(struct sampler *s, uint64_t now_ns);
/* Takes a sample into the open bucket; returns how many samples of the bucket before it
 * are to be kept now (0 to 2, in order of time, no two alike). */
unsigned sampler_keep(struct sampler *s, const struct sample *sample, struct sample ret_kept[2]);
/* The same for what is left at the end. */
unsigned sampler_flush(struct sampler *s, struct sample ret_kept[2]);

/* ---- snapshots -------------------------------------------------------------- */
/* After a sample: the trigger that fired, or SAMPLER_NO_TRIGGER. */
int sampler_want(const struct sampler *s, uint64_t now_ns, int64_t rss_bytes);
/* The process asks (kinds: WIRE_REQUEST_*): the trigger to serve, or SAMPLER_NO_TRIGGER:
 * answer without a snapshot. live_bytes: now; where other threads' frees were faster than
 * the question, a maximum is past, and nothing is left to see of it. */
int sampler_want_asked(const struct sampler *s, uint64_t now_ns, uint32_t kinds, int64_t rss_bytes,
		       int64_t live_bytes);
/* Whether a snapshot of this size also lists the mappings (they are many rows). */
bool sampler_want_mappings(const struct sampler *s, int trigger, int64_t rss_bytes, int64_t live_bytes);
/* A snapshot was taken; cost_ns: all the time it took, holding included. */
void sampler_snapped(struct sampler *s, int trigger, uint64_t now_ns, uint64_t cost_ns, int64_t rss_bytes,
		     int64_t live_bytes, bool with_mappings);

/* ---- what the probe is told --------------------------------------------------- */
/* Live maxima above this are worth asking for. past_bytes: the one that was asked for
 * last (0: none), served or not: it is over, and not asked for again. */
uint64_t sampler_live_trigger_bytes(const struct sampler *s, uint64_t now_ns, int64_t past_bytes);
/* Whether a snapshot just before pages are given back is worth its cost. */
bool sampler_shrink_armed(const struct sampler *s, uint64_t now_ns, int64_t rss_bytes);

#endif
