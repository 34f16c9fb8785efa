/* SPDX-License-Identifier: MIT */
/*
 * recording_allocator.h - what the allocators said of themselves during a recording, and what
 * purges gave back: the tables figure, setting, reading, purge. As recording.h: untrusted,
 * checked; a recording without these tables has none of them, which is no error.
 */
#ifndef MEMWHY_RECORDING_ALLOCATOR_H
#define MEMWHY_RECORDING_ALLOCATOR_H

#include "reading_names.h"
#include "recording.h"

struct recording_figure {
	uint32_t process_id, heap;
	int64_t time_ns;       /* the reading's */
	int32_t arena;         /* WIRE_ARENA_ALL or one */
	int figure;            /* enum wire_figure */
	int64_t value;
};
struct recording_setting { uint32_t process_id, heap; const char *name, *value; /* borrowed for the call */ };
struct recording_reading { uint32_t process_id, heap; int64_t time_ns, took_ns; int result; int64_t not_safe; };
struct recording_purge {
	uint32_t process_id;
	int64_t time_ns;       /* its begin */
	const char *reason;    /* "exit", "ctl"; borrowed */
	int result;            /* enum wire_reading_result */
	int64_t heaps;         /* bits; which heaps were purged */
	int64_t took_ns;       /* RECORDING_UNKNOWN */
	/* net of the probe, by the two snapshots around it; RECORDING_UNKNOWN */
	int64_t rss_before_bytes, rss_after_bytes;
	int64_t before_ns, after_ns; /* those snapshots' times; RECORDING_UNKNOWN */
};
/* In order of time. fn: 0 goes on, else the walk ends and returns that. process_id 0: all. */
typedef int recording_figure_fn(void *arg, const struct recording_figure *f);
typedef int recording_setting_fn(void *arg, const struct recording_setting *s);
typedef int recording_reading_fn(void *arg, const struct recording_reading *x);
typedef int recording_purge_fn(void *arg, const struct recording_purge *p);
int recording_each_figure(struct recording *r, uint32_t process_id, recording_figure_fn *fn, void *arg);
int recording_each_setting(struct recording *r, uint32_t process_id, recording_setting_fn *fn, void *arg);
int recording_each_reading(struct recording *r, uint32_t process_id, recording_reading_fn *fn, void *arg);
int recording_each_purge(struct recording *r, uint32_t process_id, recording_purge_fn *fn, void *arg);

#endif
