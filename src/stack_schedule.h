/* SPDX-License-Identifier: MIT */
/*
 * stack_schedule.h - which snapshots are scanned for their stacks: the exit and what is
 * asked for always, else every new maximum of rss or of live bytes, for any of them may
 * become a report's moment, within a share of the run time. What is beyond it needs growth
 * by more and more, up to a tenth: then their number grows with the logarithm. Pure.
 */
#ifndef MEMWHY_STACK_SCHEDULE_H
#define MEMWHY_STACK_SCHEDULE_H

#include "snapshot.h"

#include <stdbool.h>
#include <stdint.h>

struct stack_schedule {
	uint64_t start_ns;
	uint64_t cost_ns, last_cost_ns; /* of all scans so far, and of the last */
	int64_t rss_bytes, live_bytes;  /* the largest that a scan has seen */
};

/* One that was asked for, or is the image's last: scanned, and kept, whatever it costs. */
bool stack_schedule_is_always(enum snapshot_trigger trigger);
bool stack_schedule_wants(const struct stack_schedule *s, uint64_t now_ns, enum snapshot_trigger trigger,
			  int64_t rss_bytes, int64_t live_bytes);
/* cost_ns: how long the target was held for the scan. */
void stack_schedule_took(struct stack_schedule *s, uint64_t cost_ns, int64_t rss_bytes, int64_t live_bytes);

#endif
