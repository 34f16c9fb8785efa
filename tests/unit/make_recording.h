/* SPDX-License-Identifier: MIT */
/* make_recording.h - recordings for tests, made through store.h as the collector does. */
#ifndef MAKE_RECORDING_H
#define MAKE_RECORDING_H

#include "store.h"

#include <stdbool.h>

#define MIB INT64_C(1048576)
#define START_NS UINT64_C(1000000000000) /* CLOCK_MONOTONIC at the run's start */
#define GOLDEN_NAME "golden.memwhy"

/* A folder of its own as the working directory; removed with all in it by leave. */
void enter_temporary_folder(void);
void leave_temporary_folder(void);
/* The same as a cmocka teardown. */
int leave_folder(void **state);

/* A balanced ledger: resident net of a probe of 2 MiB, live part of it, and dirty pages;
 * what is left over goes to files. */
struct ledger make_ledger(int64_t net_bytes, int64_t live_bytes, int64_t dirty_bytes);
/* Only what a process without a probe has. */
struct ledger make_ledger_without_probe(int64_t rss_bytes);
/* At ms milliseconds, two mappings with it. Finished by free_snapshot. */
struct snapshot make_snapshot(int ms, enum snapshot_trigger trigger, struct ledger ledger);
void free_snapshot(struct snapshot *s);
struct counters make_counters(int64_t live_bytes, uint64_t allocations);
struct store_process make_process(uint32_t id, int pid, const char *command, const char *exe);

/* Begins the run "ruff check 'it is'" in a new file; fails the test if it can't. */
struct store *make_store(const char *path);
/* Closes it and expects no error. */
void close_store(struct store *s);

/* The run that the golden files show: three processes, one without a probe, one with
 * unknown frees; a peak that has a smaller snapshot within 1 % before it; an exit. */
void make_golden(const char *path, bool ended);

/* Compares text with tests/golden/NAME (UPDATE_GOLDEN=1 in the environment writes it). */
void compare_with_golden(const char *name, const char *text);

#endif
