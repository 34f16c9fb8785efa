/* SPDX-License-Identifier: MIT */
/*
 * verdict_gather.h - a recording's rows as the verdict_input that rules look at: the
 * program's heap, the reading nearest each moment, the samples thinned, the snapshots, the
 * purge at exit. Owns what the input points to, but for the model.
 */
#ifndef MEMWHY_VERDICT_GATHER_H
#define MEMWHY_VERDICT_GATHER_H

#include "verdict.h"

#define VERDICT_SERIES_MAX 4096

struct verdict_gathered {
	struct verdict_input in;
	struct verdict_series_point *series;
	size_t series_slots;
	struct recording_snapshot *snapshots;
	size_t snapshot_slots;
	struct verdict_named_value *settings;
};

/* 0 or -errno, as verdict_make(); on failure there is nothing to finish. */
int verdict_gather(struct recording *r, const struct report_model *m, struct verdict_gathered *ret_gathered);
void verdict_gather_finish(struct verdict_gathered *g);

#endif
