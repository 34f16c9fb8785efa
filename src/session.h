/* SPDX-License-Identifier: MIT */
/*
 * session.h - the processes of one run: the socket where probes say hello, the table of
 * living images, and a collector for each. A thread of its own answers hellos, at once,
 * for the target waits for it inside its first malloc.
 * `memwhy ctl` is answered too (control_server.h), by a thread that waits for collectors.
 * The functions here belong to the launching thread. 0 or -errno.
 */
#ifndef MEMWHY_SESSION_H
#define MEMWHY_SESSION_H

#include "collector.h"

/* Each has a thread and a few descriptors. */
#define SESSION_PROCESSES_MAX 512

struct session;

struct session_options {
	struct store *store;
	struct plans *plans; /* of linked-in allocators; NULL: none are looked for */
	bool follow;
	enum run_hold hold;
	struct run_stacks stacks;
	uint64_t every_ns, snapshot_every_ns;
	bool purge_at_exit;
	struct run_until *until; /* or NULL; outlives the session */
};
int session_create(const struct session_options *options, struct session **ret_session);
/* The value of WIRE_ENV for the target; lives as long as the session. NULL: there are too
 * few descriptors to follow anybody, and only what wait4 says will be recorded. */
const char *session_env(const struct session *s);

/* Before the fork the session waits with answers until it knows pid, or knows that
 * there will be none (pid 0). why_no_probe: no hello is expected, and why; NULL: one is;
 * then command is what to call it if none comes. */
void session_launched(struct session *s, pid_t pid, uint64_t start_ns, const char *command, const char *why_no_probe);

/* When the recording's time begins; before session_launched(). */
void session_begins(struct session *s, uint64_t start_ns);

struct session_totals {
	int64_t sum_peak_bytes; /* of the tree's resident bytes */
	uint64_t sum_peak_ns;
	unsigned processes, not_followed;
};
/* The launched process was waited for: ends all collectors, lets go of the processes
 * that still run, and frees the session. wait: NULL if nothing was launched. */
void session_finish(struct session *s, const struct collector_wait *wait, struct session_totals *ret_totals);

#endif
