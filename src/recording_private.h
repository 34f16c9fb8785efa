/* SPDX-License-Identifier: MIT */
/*
 * recording_private.h - what the reader's files share: the loaded recording, and the
 * one way to run a query, which checks each row's values (recording_value.h).
 */
#ifndef MEMWHY_RECORDING_PRIVATE_H
#define MEMWHY_RECORDING_PRIVATE_H

#include "recording.h"
#include "recording_value.h"

struct recording_text {
	struct recording_text *next;
	char text[];
};

struct recording {
	sqlite3 *db;
	char *path;
	char error[512];
	struct recording_text *texts; /* every string that is handed out lives here */
	struct recording_run run;
	struct recording_process *processes; /* ascending ids */
	size_t process_count, process_slots;
};

/* Keeps "PATH: sentence" and returns result. */
int recording_fail(struct recording *r, int result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A copy that lives as long as the recording; NULL when out of memory. */
const char *recording_keep_text(struct recording *r, const char *text);

/* Runs a query; each row goes through fn, then its columns' verdict is asked. fn must
 * not hand on a row whose `bad` is set. parameter: ?1, if the query has it. table: for
 * the sentence. */
typedef int recording_row_fn(struct recording *r, struct recording_row *row, void *arg);
int recording_each_row(struct recording *r, const char *table, int64_t parameter, recording_row_fn *fn,
		       void *arg, const char *sql);

int64_t recording_row_time(struct recording_row *row);
/* False: there were none (NULL). */
bool recording_row_counters(struct recording_row *row, struct counters *ret_counters);

int recording_load_processes(struct recording *r);

#endif
