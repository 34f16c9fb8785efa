/* SPDX-License-Identifier: MIT */
/* target_events.h - the reading end of the probe's event ring. */
#ifndef MEMWHY_TARGET_EVENTS_H
#define MEMWHY_TARGET_EVENTS_H

#include "region_map.h"
#include "shadow_view.h"
#include "target_view.h"

struct target_events {   /* a zeroed one starts at the ring's beginning */
	uint64_t next;        /* index of the next event to take; ours, never the peer's */
	uint64_t stuck_since_ns; /* an incomplete event has been at next since then; 0: none */
	uint64_t skipped;     /* overwritten, or never completed */
	uint64_t offers;      /* MADV_FREE calls seen */
	struct region_map offered; /* what they offered and nobody has unmapped since; owned */
};
/* Nothing can be muzzy: what was ever offered to the kernel is gone. calls: as the probe
 * counts them. jemalloc tries MADV_FREE on a page of its own when it starts; smaps, which is
 * the dearest part of a snapshot, is not to be read for that. */
bool target_events_none_offered(const struct target_events *e, uint64_t calls);
/* For a forked child: what its parent had offered. -ENOMEM: untouched. */
int target_events_inherit(struct target_events *child, const struct target_events *parent);
void target_events_finish(struct target_events *e);
/* Takes what is complete, in order: applies it to records, hands it to fn (may be NULL).
 * At most one ring's worth. Returns the number taken. */
int target_events_take(struct target_events *e, struct shadow_view *shadow, struct region_map *records,
		       target_event_fn *fn, void *arg);

#endif
