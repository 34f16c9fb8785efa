/* SPDX-License-Identifier: MIT */
/*
 * stack_schedule.h - which snapshots are scanned for their stacks: the exit and what is
 * asked for always, else a new maximum that may become a report's moment, within a share
 * of the run time. So their number grows with the logarithm of growth. Pure.
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

bool stack_schedule_wants(const struct stack_schedule *s, uint64_t now_ns, enum snapshot_trigger trigger,
			  int64_t rss_bytes, int64_t live_bytes);
/* cost_ns: of the scan, for which the target was held, and of storing it. */
void stack_schedule_took(struct stack_schedule *s, uint64_t cost_ns, int64_t rss_bytes, int64_t live_bytes);

#endif
