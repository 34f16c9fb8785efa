/* SPDX-License-Identifier: MIT */
/* fake_store.h - a store that keeps what it is told in arrays, for tests to look at. */
#ifndef MEMWHY_FAKE_STORE_H
#define MEMWHY_FAKE_STORE_H

#include "store.h"

#define FAKE_STORE_MAX 256

struct fake_process {
	uint32_t id, parent_id;
	pid_t pid;
	char command[256], probe_state[STORE_PROBE_STATE_BYTES];
	bool ended;
	int how, status;
	int64_t ru_maxrss_bytes;
	unsigned samples, snapshots, updates;
	enum snapshot_trigger triggers[FAKE_STORE_MAX];
	enum snapshot_hold holds[FAKE_STORE_MAX];
};
extern struct fake_process fake_processes[FAKE_STORE_MAX];
extern unsigned fake_process_count;
extern char fake_store_mark[2048]; /* text of the last event "mark" */

/* The store is a pointer that nobody looks behind. */
#define FAKE_STORE ((struct store *)&fake_process_count)
void fake_store_clear(void);
/* Waits at most two seconds for the process with this id to exist; NULL if it doesn't. */
struct fake_process *fake_store_await(uint32_t id);
/* Likewise for its end. */
struct fake_process *fake_store_await_end(uint32_t id);
unsigned fake_store_count(const struct fake_process *p, enum snapshot_trigger trigger);

#endif
