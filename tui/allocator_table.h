/* SPDX-License-Identifier: MIT */
/* allocator_table.h - what the allocators of a process said of themselves near a time: of each
 * heap the reading nearest to it, settings, purges. */
#ifndef MEMWHY_TUI_ALLOCATOR_TABLE_H
#define MEMWHY_TUI_ALLOCATOR_TABLE_H

#include "recording_allocator.h"

struct allocator_setting { uint32_t heap; char *name, *value; };
struct allocator_table {
	bool had;
	int result;
	int64_t at_ns;                         /* asked for */
	struct recording_figure *figures;      /* of the nearest reading of each heap; whole heap first */
	size_t figure_count, figure_slots;
	struct allocator_setting *settings;    /* strings are owned */
	size_t setting_count, setting_slots;
	struct recording_purge *purges;        /* .reason: "" (it lives no longer than the walk) */
	size_t purge_count, purge_slots;
	int64_t readings, failed;              /* how many there are, how many told nothing */
	int last_failure;                      /* enum wire_reading_result */
};
/* Zero-initialized is empty. 0 or -errno; a recording without such tables has nothing in it. */
int allocator_table_load(struct allocator_table *t, struct recording *r, uint32_t process_id, int64_t at_ns);
void allocator_table_finish(struct allocator_table *t);

#endif
