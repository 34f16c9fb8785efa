/* SPDX-License-Identifier: MIT */
/* mapping_table.h - the mappings of the snapshot nearest to a time of those that have any (a
 * recording keeps them of some only). Which those are is found once, by a walk over all. */
#ifndef MEMWHY_TUI_MAPPING_TABLE_H
#define MEMWHY_TUI_MAPPING_TABLE_H

#include "recording.h"

struct mapping_moment { int64_t snapshot_id, time_ns; };
struct mapping_table {
	bool had;
	int result, walked;             /* of the last load; of the walk for the moments */
	int64_t at_ns;                  /* asked for */
	struct mapping_moment found;    /* whose the rows are; snapshot_id: RECORDING_UNKNOWN */
	struct mapping_moment *moments; /* that have mappings, in order of time */
	size_t moment_count, moment_slots;
	struct snapshot_mapping *rows;  /* names are owned */
	size_t row_count, row_slots;
};
/* Zero-initialized is empty. 0, -ENOENT: no mappings were recorded; or -errno. */
int mapping_table_load(struct mapping_table *t, struct recording *r, uint32_t process_id, int64_t at_ns);
void mapping_table_finish(struct mapping_table *t);

#endif
