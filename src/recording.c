/* SPDX-License-Identifier: MIT */
/*
 * The reader: the run and its processes are loaded when it opens, rows of the large
 * tables are handed on one at a time. Nothing in the file is believed: see
 * recording_value.h for values, recording_open.c for tables.
 */
#include "recording_private.h"

#include "recording_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t count_or_unknown(struct recording_row *row)
{
	return recording_row_optional(row, 0, VALUE_TIME_MAX, RECORDING_UNKNOWN, NULL);
}

/* ---- run ------------------------------------------------------------------- */

static int read_run(struct recording *r, struct recording_row *row, void *arg)
{
	struct recording_run *run = arg;
	run->command = recording_keep_text(r, recording_row_text(row));
	run->argv_json = recording_keep_text(r, recording_row_text(row));
	run->cwd = recording_keep_text(r, recording_row_text(row));
	run->options = recording_keep_text(r, recording_row_text(row));
	run->start_realtime_ns = recording_row_integer(row, 0, INT64_MAX);
	run->ended = true;
	run->end_ns = recording_row_optional(row, 0, VALUE_TIME_MAX, 0, &run->ended);
	run->wait_status = (int)recording_row_optional(row, INT32_MIN, INT32_MAX, RECORDING_UNKNOWN, NULL);
	run->tree_peak_rss_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	run->tree_peak_ns = count_or_unknown(row);
	return run->command && run->argv_json && run->cwd && run->options ? 0 : -ENOMEM;
}

static int read_meta(struct recording *r, struct recording_row *row, void *arg)
{
	struct recording_run *run = arg;
	const char *key = recording_row_text(row);
	if (!strcmp(key, "memwhy_version")) {
		const char *version = recording_keep_text(r, recording_row_text(row));
		if (version)
			run->memwhy_version = version;
		return version ? 0 : -ENOMEM;
	}
	int64_t *count = !strcmp(key, "samples_dropped") ? &run->samples_dropped :
			 !strcmp(key, "snapshots_dropped") ? &run->snapshots_dropped :
			 !strcmp(key, "events_dropped") ? &run->events_dropped : NULL;
	if (count)
		*count = recording_row_integer(row, 0, VALUE_TIME_MAX);
	return 0;
}

static int read_time(struct recording *r, struct recording_row *row, void *arg)
{
	int64_t *last = arg, time = recording_row_optional(row, 0, VALUE_TIME_MAX, 0, NULL);
	if (time > *last)
		*last = time;
	return 0;
}

static int load_run(struct recording *r)
{
	struct recording_run *run = &r->run;
	run->command = run->cwd = run->options = run->memwhy_version = "";
	run->argv_json = "[]";
	run->tree_peak_rss_bytes = run->tree_peak_ns = RECORDING_UNKNOWN;
	int result = recording_each_row(r, "run", 0, read_run, run, "SELECT command, argv, cwd, options, start_realtime_ns,"
			      " end_ns, wait_status, tree_peak_rss_bytes, tree_peak_ns FROM run WHERE id = 1");
	if (!result)
		result = recording_each_row(r, "meta", 0, read_meta, run, "SELECT key, value FROM meta");
	if (result || run->ended)
		return result;
	return recording_each_row(r, "sample", 0, read_time, &run->end_ns, "SELECT max(time_ns) FROM sample UNION ALL"
			" SELECT max(time_ns) FROM snapshot UNION ALL SELECT max(start_ns) FROM process");
}

/* ---- open and close -------------------------------------------------------------- */

void recording_close(struct recording *r)
{
	if (!r)
		return;
	sqlite3_close(r->db);
	while (r->texts) {
		struct recording_text *next = r->texts->next;
		free(r->texts);
		r->texts = next;
	}
	for (size_t i = 0; i < r->process_count; i++)
		free(r->processes[i].heaps);
	free(r->processes);
	free(r->path);
	free(r);
}

static int load(struct recording *r)
{
	char clause[400];
	int result = recording_open_database(r->path, &r->db, clause, sizeof clause);
	if (result)
		return recording_fail(r, result, "%s", clause);
	/* One transaction: a recording that is being written is seen at one moment. */
	if (sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return recording_fail(r, -EBADMSG, "damaged: %s", sqlite3_errmsg(r->db));
	result = load_run(r);
	return result ? result : recording_load_processes(r);
}

int recording_open(const char *path, struct recording **ret_recording, char *ret_error, size_t error_size)
{
	struct recording *r = calloc(1, sizeof *r);
	int result = r && (r->path = strdup(path)) ? load(r) : -ENOMEM;
	if (error_size)
		ret_error[0] = 0;
	if (!result) {
		*ret_recording = r;
		return 0;
	}
	snprintf(ret_error, error_size, "%s", r && r->error[0] ? r->error : "out of memory");
	recording_close(r);
	return result;
}

const char *recording_file(const struct recording *r)
{
	return r->path;
}

const char *recording_error(const struct recording *r)
{
	return r->error;
}

const struct recording_run *recording_run(const struct recording *r)
{
	return &r->run;
}

size_t recording_process_count(const struct recording *r)
{
	return r->process_count;
}

const struct recording_process *recording_process(const struct recording *r, size_t index)
{
	return index < r->process_count ? &r->processes[index] : NULL;
}
