/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - what is known of one process at one instant: the types that the
 * collector fills, the store keeps and the reports show. No behaviour here but
 * snapshot_finish() and the names.
 */
#ifndef MEMWHY_SNAPSHOT_H
#define MEMWHY_SNAPSHOT_H

#include "ledger.h"

/* Why a snapshot was taken. Kept in the recording by name. */
enum snapshot_trigger {
	TRIGGER_LIVE_PEAK,  /* before the free that ended a maximum of live bytes */
	TRIGGER_RSS_GROWTH, /* rss grew since the last one */
	TRIGGER_SHRINK,     /* before a big munmap, madvise, free */
	TRIGGER_EXIT,       /* before exit handlers, _exit, abort */
	TRIGGER_EXEC,       /* the process image is about to be replaced */
	TRIGGER_TIMER,      /* nothing happened for a while */
	TRIGGER_LAST,       /* the last look at a process that ended by itself */
	TRIGGER_ASKED,      /* memwhy ctl asked for it, or a purge follows */
	TRIGGER_PURGED,     /* just after a purge; never a peak, an exit or a last look */
	TRIGGERS
};
/* What the target did meanwhile; how far live and rss belong to the same moment. */
enum snapshot_hold {
	HOLD_RUNNING, /* it ran on */
	HOLD_WAITING, /* the thread that asked waited; others were frozen at their next hook */
	HOLD_FROZEN,  /* every thread was held at its next hook, none asked */
	HOLD_STOPPED, /* SIGSTOP */
	HOLDS
};
/* Where the page states came from. */
enum page_source { PAGES_NONE, PAGES_PAGEMAP_SCAN, PAGES_PAGEMAP, PAGES_SMAPS, PAGE_SOURCES };

const char *snapshot_trigger_name(enum snapshot_trigger t); /* "live-peak", "rss-growth", ... */
const char *snapshot_hold_name(enum snapshot_hold h);       /* "running", ... */
const char *page_source_name(enum page_source s);           /* "pagemap-scan", ... */

/* Sums over the threads' counters. Bytes are requested bytes. */
struct counters {
	int64_t live_bytes;       /* allocated - freed (+ inherited over fork) */
	int64_t live_peak_bytes;
	uint64_t live_peak_ns;    /* CLOCK_MONOTONIC */
	uint64_t allocated_bytes, freed_bytes, allocations, frees;
	uint64_t unknown_frees, unknown_reallocs, double_allocations;
	uint64_t before_hooks_frees; /* frees of blocks born before the probe: apart, no error */
	uint64_t lost_events;
	uint32_t threads;
};

struct snapshot_mapping {
	uint64_t start, end;
	char perms[5];     /* "rw-p" */
	char kind[16];     /* "heap", "anon", "file", "stack", "shared", "probe", "special" */
	char *name;        /* owned by the snapshot; "" when it has none */
	int64_t resident_bytes, live_bytes, dirty_bytes; /* live: requested, resident or not */
};

struct snapshot {
	uint64_t time_ns;      /* CLOCK_MONOTONIC */
	uint64_t duration_ns;  /* what taking it cost */
	enum snapshot_trigger trigger;
	enum snapshot_hold hold;
	enum page_source pages;
	struct ledger ledger;
	struct counters counters;
	int64_t vm_hwm_bytes;  /* -1: could not be read */
	struct snapshot_mapping *mappings; /* owned */
	size_t mapping_count;
};
/* Frees what it owns; a zeroed snapshot is fine. */
void snapshot_finish(struct snapshot *s);

struct sample {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	int64_t rss_bytes;
	struct counters counters;
};

#endif
