/* SPDX-License-Identifier: MIT */
/*
 * recording.h - reads a recording (memwhy-recording(5)), also one that is still being
 * written or whose writer was killed. Opens read-only. The file is untrusted: every
 * value's type and range is checked, and what does not fit is an error (-EBADMSG), never
 * a crash. Times are nanoseconds since the run's start. One thread at a time.
 * Errors: 0 or -errno; recording_error() then has a sentence. Outputs untouched on failure.
 */
#ifndef MEMWHY_RECORDING_H
#define MEMWHY_RECORDING_H

#include "snapshot.h"
#include "store.h"

#define RECORDING_UNKNOWN (-1) /* for the int64_t fields below: could not be had */

struct recording;

struct recording_run {
	const char *command;         /* argv, one line, quoted for a shell where needed */
	const char *argv_json;       /* a JSON array of strings */
	const char *cwd, *options, *memwhy_version;
	int64_t start_realtime_ns;
	bool ended;                  /* false: the run goes on, or memwhy was killed */
	int64_t end_ns;              /* of the last thing recorded if not ended */
	int wait_status;             /* as wait4 gave it, if ended; RECORDING_UNKNOWN: the recording ended first */
	int64_t tree_peak_rss_bytes; /* sum over the processes; RECORDING_UNKNOWN */
	int64_t tree_peak_ns;        /* RECORDING_UNKNOWN */
	int64_t samples_dropped, snapshots_dropped, events_dropped; /* disk too slow, or bounds */
};
struct recording_heap {
	const char *name, *version, *path;
	const char *found;           /* "preload", "symbols", "behaviour", "not followed" */
};
struct recording_process {
	uint32_t id, parent_id;      /* parent 0: none known */
	int64_t pid, start_ns;
	int64_t end_ns;              /* RECORDING_UNKNOWN while it runs */
	const char *command, *exe, *probe_state;
	bool probe_on;
	int how, status;             /* STORE_END_* */
	int64_t ru_maxrss_bytes, vm_hwm_bytes;
	int64_t rss_peak_bytes;      /* largest rss seen in any way; RECORDING_UNKNOWN */
	int64_t net_peak_bytes;      /* largest snapshot's rss less its probe term; RECORDING_UNKNOWN */
	int64_t user_ns, system_ns, minor_faults, major_faults;
	bool has_counters;           /* the last ones */
	struct counters counters;
	struct recording_heap *heaps;
	size_t heap_count;           /* at most WIRE_HEAPS */
	int64_t snapshot_count;
};
struct recording_snapshot {
	int64_t id;
	uint32_t process_id;
	bool has_counters;
	struct snapshot s;           /* times relative; mappings empty */
};
struct recording_sample {
	uint32_t process_id;
	bool has_counters;
	struct sample s;             /* times relative */
};
struct recording_mapping {
	int64_t snapshot_id, time_ns;
	uint32_t process_id;
	enum snapshot_trigger trigger;
	struct snapshot_mapping m;   /* name borrowed for the call; -1: could not be had */
};

struct recording_unknown {
	uint32_t process_id;
	const char *module, *kind;   /* borrowed for the call; module "": offset is an address */
	int64_t offset, count;
};

struct recording_event {
	uint32_t process_id;
	int64_t time_ns;
	const char *kind;            /* "map", "fork", ..., "mark"; borrowed for the call, as is text */
	uint64_t address, length, arg;
	const char *text;            /* of a mark; "" if none */
};

/* ret_error: the sentence when it fails ("" else); it starts with the path. */
int recording_open(const char *path, struct recording **ret_recording,
		   char *ret_error, size_t error_size);
void recording_close(struct recording *r);
const char *recording_file(const struct recording *r); /* the path it was opened by */
const char *recording_error(const struct recording *r);

const struct recording_run *recording_run(const struct recording *r);
/* In order of id. */
size_t recording_process_count(const struct recording *r);
const struct recording_process *recording_process(const struct recording *r, size_t index);
const struct recording_process *recording_process_by_id(const struct recording *r, uint32_t id);

/* "exit", "signal", ... for STORE_END_*. */
const char *recording_end_name(int how);

/* Each is called in order of time. fn: 0 goes on, else the walk ends and returns that. */
typedef int recording_snapshot_fn(void *arg, const struct recording_snapshot *s);
typedef int recording_sample_fn(void *arg, const struct recording_sample *s);
typedef int recording_mapping_fn(void *arg, const struct recording_mapping *m);
typedef int recording_unknown_fn(void *arg, const struct recording_unknown *u);
typedef int recording_event_fn(void *arg, const struct recording_event *e);
/* process_id 0: all processes. */
int recording_each_snapshot(struct recording *r, uint32_t process_id, recording_snapshot_fn *fn, void *arg);
int recording_each_sample(struct recording *r, uint32_t process_id, recording_sample_fn *fn, void *arg);
int recording_each_mapping(struct recording *r, uint32_t process_id, recording_mapping_fn *fn, void *arg);
int recording_each_event(struct recording *r, uint32_t process_id, recording_event_fn *fn, void *arg);
/* Callers of unknown frees and reallocs, the largest counts first. */
int recording_each_unknown(struct recording *r, uint32_t process_id, recording_unknown_fn *fn, void *arg);

#endif
