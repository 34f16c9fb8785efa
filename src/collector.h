/* SPDX-License-Identifier: MIT */
/*
 * collector.h - follows one process image: a thread that answers its requests, samples
 * it, takes snapshots when the sampler says so, and hands all to the store.
 *
 * A collector is shared by its creator and by the collectors of forked children that
 * still want its record of mappings; collector_unref() by the last one frees it.
 * Thread-safe but for start and finish, which belong to one thread (the session's).
 */
#ifndef MEMWHY_COLLECTOR_H
#define MEMWHY_COLLECTOR_H

#include "plans.h"
#include "run.h"
#include "store.h"
#include "wire.h"

#include <pthread.h>
#include <sys/types.h>

/* What all collectors of a run share. `sum`: resident bytes of all processes, as last
 * sampled, memwhy's own share taken off where it is known. */
struct collector_run {
	struct store *store;
	struct plans *plans;               /* NULL: none are made */
	enum run_hold hold;
	uint64_t every_ns;
	uint64_t snapshot_every_ns;        /* 0: by schedule */
	bool purge_at_exit;                /* of the launched process; set after init */
	struct run_until *until;           /* NULL: the run goes on to its end */
	int news;                          /* an eventfd, written when a collector is done */
	pthread_mutex_t lock;              /* guards what follows */
	int64_t sum_bytes, sum_peak_bytes;
	uint64_t sum_peak_ns;
};
void collector_run_init(struct collector_run *r, struct store *store, enum run_hold hold, uint64_t every_ns, int news);

struct collector;

struct collector_birth {
	uint32_t id, parent_id;
	pid_t pid;
	int pidfd;               /* taken over, also on failure */
	int memory;              /* likewise; -1: no probe, pages only */
	uint64_t start_ns;
	bool launched;           /* the process that memwhy started: it may be stopped */
	bool follows_pages;      /* same id as a pages-only record that it replaces */
	struct collector *forked_from; /* a reference of its own is taken; or NULL */
	const char *why_no_probe;/* clause, when memory is -1 */
	const char *command, *exe;
	const struct plans_answer *linked; /* of its own allocator; NULL: not looked for. Outlives the run */
};
/* Adds the process to the store and starts its thread. */
int collector_start(struct collector_run *run, const struct collector_birth *birth, struct collector **ret_collector);
void collector_unref(struct collector *c);

pid_t collector_pid(const struct collector *c);
uint32_t collector_id(const struct collector *c);
uint32_t collector_parent_id(const struct collector *c);
bool collector_has_probe(const struct collector *c);
bool collector_is_launched(const struct collector *c);
const char *collector_command(const struct collector *c);
const char *collector_exe(const struct collector *c);
/* The process has ended or its image was replaced, and the thread is about to return. */
bool collector_is_done(const struct collector *c);
/* Neither done nor told to end: it stands for what runs in its process now. */
bool collector_is_current(const struct collector *c);
/* An exec without a new hello, found by its looks: this image has ended, and the one
 * that runs now has no probe. */
bool collector_lost_image(const struct collector *c);

/* Why a collector is to end. The first one counts. */
enum collector_end {
	COLLECTOR_GOES_ON,
	COLLECTOR_REPLACED,   /* another image runs in this process now */
	COLLECTOR_SUPERSEDED, /* a collector with a probe takes over its record */
	COLLECTOR_STOPPED,    /* the run is over; if the process still lives, it is let go */
};
void collector_tell(struct collector *c, enum collector_end why);

/* What may be asked of a process that is followed, from any thread that holds a reference. */
enum collector_ask { COLLECTOR_ASK_SNAPSHOT, COLLECTOR_ASK_PURGE, COLLECTOR_ASK_MARK };
#define COLLECTOR_TEXT_BYTES 256
struct collector_answer {
	uint64_t time_ns;        /* CLOCK_MONOTONIC: of the mark, or of the snapshot `after` */
	uint64_t took_ns;        /* a purge: the allocators' calls alone */
	bool has_before, has_after;
	struct ledger before, after; /* a snapshot is `after`; a purge has both, where they could be had */
	char why[COLLECTOR_TEXT_BYTES]; /* a clause, or "" */
};
/* Handed to the collector's thread; returns when it is done, within 15 s. text: of a mark; it
 * is escaped. ret is filled unless it is -EBUSY or the wait was too long. -ESRCH: it ended
 * first; -EBUSY: one is being served; -EOPNOTSUPP: it has no probe that is on (why); -ENOSPC:
 * too many marks; -ETIMEDOUT: no thread came to a safe point in 2 s; -EIO: no purge (why). */
int collector_ask(struct collector *c, enum collector_ask what, const char *text, struct collector_answer *ret);
/* Keeps it from being freed until collector_unref(). */
void collector_ref(struct collector *c);

/* For the launched process, before it is told to stop: what wait4 said. */
struct collector_wait {
	int status;
	int64_t ru_maxrss_bytes, user_ns, system_ns, minor_faults, major_faults;
};
void collector_set_wait(struct collector *c, const struct collector_wait *w);
/* Waits for the thread, which was told or is done, and drops the creator's reference. */
void collector_finish(struct collector *c);

#endif
