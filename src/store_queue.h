/* SPDX-License-Identifier: MIT */
/*
 * store_queue.h - what is on its way into a recording: items that own all they point
 * to, in one block each, and the bounded queue between the callers of store.h and the
 * writer thread. What can be spared is dropped first: samples, then events, then
 * snapshots; each kind has its own limit on the bytes that wait.
 */
#ifndef MEMWHY_STORE_QUEUE_H
#define MEMWHY_STORE_QUEUE_H

#include "store.h"

#include <pthread.h>

enum store_item_kind {
	ITEM_RUN, ITEM_PROCESS, ITEM_SAMPLE, ITEM_SNAPSHOT, ITEM_EVENT, ITEM_UNKNOWN, ITEM_ROWS, ITEM_END_PROCESS,
	ITEM_END_RUN, ITEM_KINDS
};

struct store_item {
	struct store_item *next;
	enum store_item_kind kind;
	size_t size; /* of the whole block */
	uint32_t process_id;
	union {
		struct { char *command, *argv, *cwd, *options; uint64_t start_ns; int64_t start_realtime_ns; } run;
		struct store_process *process; /* behind the item, as all it points to */
		struct sample sample;
		struct snapshot *snapshot;
		struct { uint64_t time_ns, address, length, arg; char *kind, *text; } event;
		struct { uint64_t offset, count; char *module, *kind; } unknown;
		struct { enum store_table table; size_t row_count; struct store_cell *cells; } rows;
		struct store_process_end *end_process;
		struct { uint64_t end_ns; int wait_status; int64_t tree_peak_rss_bytes; uint64_t tree_peak_ns; } end_run;
	} u;
};

/* NULL: out of memory. Freed by free(). */
struct store_item *store_item_run(const struct store_run *run);
struct store_item *store_item_process(const struct store_process *p);
struct store_item *store_item_sample(uint32_t process_id, const struct sample *s);
struct store_item *store_item_snapshot(uint32_t process_id, const struct snapshot *s);
struct store_item *store_item_event(uint32_t process_id, const char *kind, const char *text);
struct store_item *store_item_unknown(uint32_t process_id, const char *module, const char *kind);
struct store_item *store_item_rows(uint32_t process_id, enum store_table table,
				   const struct store_cell *cells, size_t row_count);
struct store_item *store_item_end_process(const struct store_process_end *e);
struct store_item *store_item_end_run(void);

struct store_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;          /* CLOCK_MONOTONIC */
	struct store_item *first, **last; /* guarded by lock, as all below */
	size_t bytes;
	uint64_t dropped[ITEM_KINDS];
	bool closing, failed;           /* failed: take nothing more */
};
int store_queue_init(struct store_queue *q);
void store_queue_finish(struct store_queue *q);
/* Takes the item over, also when it drops it; NULL counts as a drop of that kind. */
void store_queue_put(struct store_queue *q, enum store_item_kind kind, struct store_item *item);
/* These bytes of rows would wait behind no more than half of what may wait; or nothing is
 * taken any more. */
bool store_queue_has_room(struct store_queue *q, size_t bytes);
/* Waits until there is something, then at most gather_ms longer for more; the whole
 * chain, or NULL when the queue is closed and empty. ret_dropped: ITEM_KINDS counts. */
struct store_item *store_queue_take(struct store_queue *q, unsigned gather_ms, uint64_t *ret_dropped);
void store_queue_close(struct store_queue *q);
/* From now on everything is dropped. */
void store_queue_fail(struct store_queue *q);

#endif
