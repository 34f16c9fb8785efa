/* SPDX-License-Identifier: MIT */
/*
 * store.h - writes a recording: one SQLite file (memwhy-recording(5)), as the run
 * goes. Calls copy what they are given into a queue and return at once (a few us, no
 * disk); a writer thread commits at least every 250 ms. Thread-safe.
 * A write error (full disk, RLIMIT_FSIZE) is kept, the rest is dropped, what was
 * committed stays readable; store_close() reports it once.
 */
#ifndef MEMWHY_STORE_H
#define MEMWHY_STORE_H

#include "snapshot.h"
#include "store_tables.h"
#include "wire.h"
#include <sys/types.h>

#define STORE_PROBE_STATE_BYTES 256 /* a clause, with the reason */

struct store;

struct store_run {          /* the launch as a whole; strings borrowed */
	const char *const *argv;   /* NULL-terminated */
	const char *cwd;
	uint64_t start_ns;         /* CLOCK_MONOTONIC; times in the file are relative to it */
	int64_t start_realtime_ns; /* CLOCK_REALTIME at that moment */
	const char *options;       /* the memwhy options in force, one line */
};
struct store_process {      /* a process image: pid + generation (exec in place starts a new one) */
	uint32_t id;               /* 1, 2, ... chosen by the collector; the key everywhere */
	uint32_t parent_id;        /* 0: the launched process */
	pid_t pid;
	uint64_t start_ns;         /* CLOCK_MONOTONIC */
	const char *command;       /* comm and arguments, one line, UTF-8 or escaped */
	const char *exe;
	const char *probe_state;   /* "on", or why not, in words (one clause) */
	struct wire_heap heaps[WIRE_HEAPS]; /* zeroed where unknown */
};
struct store_process_end {
	uint32_t id;
	uint64_t end_ns;
	int how;                   /* STORE_END_* */
	int status;                /* exit status or signal number */
	int64_t ru_maxrss_bytes;   /* of wait4, -1 if not ours to wait for */
	int64_t vm_hwm_bytes;      /* last VmHWM read, -1 */
	int64_t rss_peak_bytes;    /* largest sampled rss */
	int64_t user_ns, system_ns;/* -1: unknown */
	int64_t minor_faults, major_faults; /* -1: unknown */
	struct counters counters;  /* the last ones */
	char probe_state[STORE_PROBE_STATE_BYTES];      /* again: it may have turned itself off meanwhile */
	struct wire_heap heaps[WIRE_HEAPS];
};
enum { STORE_END_RUNNING, STORE_END_EXIT, STORE_END_SIGNAL, STORE_END_EXEC, STORE_END_UNKNOWN };

/* path: created; -EEXIST unless force. The parent directory must exist. */
int store_create(const char *path, bool force, struct store **ret_store);
void store_begin(struct store *s, const struct store_run *run);
void store_add_process(struct store *s, const struct store_process *p);
/* Same id again with news (probe state, heaps). */
void store_update_process(struct store *s, const struct store_process *p);
void store_add_sample(struct store *s, uint32_t process_id, const struct sample *sample);
/* Copies the mappings too. */
void store_add_snapshot(struct store *s, uint32_t process_id, const struct snapshot *snap);
/* kind: a wire_event kind by name ("map", "fork", ...), or "mark"; text may be NULL. */
void store_add_event(struct store *s, uint32_t process_id, uint64_t time_ns, const char *kind,
		     uint64_t address, uint64_t length, uint64_t arg, const char *text);
/* Frees or reallocs of blocks that are in no map, by their caller: kind "free" or "realloc";
 * offset: from the module's first address, or the address itself where module is "". */
void store_add_unknown(struct store *s, uint32_t process_id, const char *module, uint64_t offset,
		       const char *kind, uint64_t count);
/* Rows of a plain table (store_tables.h), row_count times column_count cells, without the
 * first column, which is the process (or, of_snapshot, the first cell: store_snapshot_at()).
 * Everything that cells point to is copied. */
void store_add_rows(struct store *s, uint32_t process_id, enum store_table table,
		    const struct store_cell *cells, size_t row_count);
/* Whether rows of that many bytes (32 for a cell) would be taken now and leave room for the
 * rest: who has very many asks first. True also where nothing is written any more. */
bool store_has_room(struct store *s, size_t bytes);
void store_end_process(struct store *s, const struct store_process_end *e);
/* The run's end: status as wait4 gave it for the launched process (STORE_NO_STATUS: the
 * recording ends and the process does not), peak of the tree's summed rss and when. */
#define STORE_NO_STATUS (-1)
void store_end_run(struct store *s, uint64_t end_ns, int wait_status, int64_t tree_peak_rss_bytes,
		   uint64_t tree_peak_ns);
/* Flushes, closes (no -wal or -shm file stays) and frees. 0, or -errno of the first
 * write that failed. ret_error: a sentence, "" if none. */
int store_close(struct store *s, char *ret_error, size_t error_size);

#endif
