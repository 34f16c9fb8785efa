/* SPDX-License-Identifier: MIT */
/*
 * reconcile_recording.h - reconcile.h over a recording: each snapshot's ledger with the
 * reading nearest to it. A thread that waits for a snapshot makes its reading just before,
 * so near means some milliseconds; a snapshot without one has no comparison. What the
 * readings before and after it differ by may have happened between reading and snapshot, and
 * explains as much.
 */
#ifndef MEMWHY_RECONCILE_RECORDING_H
#define MEMWHY_RECONCILE_RECORDING_H

#include "reconcile.h"
#include "recording_allocator.h"

struct reconcile_reading;
struct reconcile_readings { struct reconcile_reading *all; size_t count, slots; }; /* in order of time */

/* Of one process; 0: of all. 0, -ENOMEM or recording.h's errors; on failure nothing is to be freed. */
int reconcile_readings_init(struct reconcile_readings *w, struct recording *r, uint32_t process_id);
void reconcile_readings_finish(struct reconcile_readings *w);

struct reconcile_comparison {
	int64_t read_ns;              /* the reading's time; valid with count */
	size_t count;                 /* 0: no reading is near, or nothing is known of its figures */
	struct reconcile_line lines[RECONCILE_LINES_MAX];
};
/* heap: an index of p's. Pure. */
void reconcile_snapshot(const struct reconcile_readings *w, const struct recording_snapshot *s,
			const struct recording_process *p, uint32_t heap, struct reconcile_comparison *ret);

#endif
