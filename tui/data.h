/* SPDX-License-Identifier: MIT */
/*
 * data.h - what the screens show of a recording: the report's own model and the verdict, all
 * snapshots of the process, samples thinned, marks. So a figure here is the figure of `memwhy
 * report`. Knows the recording's readers and no file format. Times: ns since the run's start.
 * One thread at a time.
 */
#ifndef MEMWHY_TUI_DATA_H
#define MEMWHY_TUI_DATA_H

#include "process_tree.h"
#include "recording_allocator.h"
#include "report_model.h"
#include "stack_model.h"
#include "verdict.h"

#define TUI_POINTS_MAX 4096
#define TUI_MARKS_MAX 4096
#define TUI_ERROR 512

/* The largest of several samples, where there are more than TUI_POINTS_MAX. */
struct tui_point { int64_t time_ns, rss_bytes, live_bytes; }; /* RECORDING_UNKNOWN */
struct tui_mark { int64_t time_ns; char letter; char text[48]; };

struct tui_data {
	struct recording *recording;
	struct report_model report;    /* has pointers into itself: stays where it is */
	struct verdict verdict;
	struct recording_snapshot *snapshots; /* in order of time */
	size_t snapshot_count, snapshot_slots;
	struct tui_point *points;
	size_t point_count, point_slots;
	struct tui_mark *marks;
	size_t mark_count, mark_slots;
	struct process_row *processes; /* recording_process_count() */
	bool marks_left_out;           /* there were more than TUI_MARKS_MAX */
	int64_t begin_ns, end_ns;      /* of the process; end > begin */
};

/* pid 0: as the report chooses. On failure ret_error has a sentence, and nothing is to finish. */
int tui_data_open(const char *path, int64_t pid, struct tui_data **ret_data, char ret_error[static TUI_ERROR]);
void tui_data_close(struct tui_data *d);

/* The snapshot nearest to a time; the first if there are none at all. */
size_t tui_data_nearest(const struct tui_data *d, int64_t time_ns);
/* Index of a moment's snapshot, or SIZE_MAX. */
size_t tui_data_moment(const struct tui_data *d, enum report_moment at);

#endif
