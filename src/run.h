/* SPDX-License-Identifier: MIT */
/* run.h - one recorded launch: options in, recording out, status passed on. */
#ifndef MEMWHY_RUN_H
#define MEMWHY_RUN_H

#include "wire_stack.h"
#include "run_until.h"

#include <stdbool.h>
#include <stdint.h>

struct launch_command;
struct run_plans;
struct store;

/* How the target is kept from changing while a snapshot is taken. */
enum run_hold {
	RUN_HOLD_SOFT, /* its threads wait at their next allocation, for a bounded time */
	RUN_HOLD_STOP, /* SIGSTOP, for the launched process; its children softly */
	RUN_HOLD_NONE, /* not at all */
	RUN_HOLDS
};

/* Whose call stacks are taken: wire_stack.h. */
struct run_stacks {
	enum wire_stack_mode mode;
	uint64_t mean_bytes;      /* of WIRE_STACKS_SAMPLED: between two samples */
};
#define RUN_STACKS_DEFAULT    WIRE_STACKS_SAMPLED /* 2 to 4 % of the time of a program that does little but allocate */
#define RUN_STACKS_MEAN_BYTES (512ull << 10)

struct run_result {
	int wait_status;          /* of the launched process, as wait4 gave it; of an early end not known */
	int launch_errno;         /* not 0: the exec failed, COMMAND was never started */
	bool no_limit;            /* no thread for `until` could be had: it recorded to the end */
	uint64_t start_ns;        /* CLOCK_MONOTONIC */
	uint64_t wall_ns;         /* of the recording */
	unsigned not_followed;    /* processes beyond the bound on how many are followed at once */
};
struct run_options {
	const struct launch_command *command; /* found, and fit to run as far as one can tell */
	const char *probe_path;   /* of launch_find_probe(); NULL: nothing is preloaded */
	bool follow;              /* children too; default true */
	const char *why_no_probe; /* a clause, when probe_path is NULL; then only pages are seen */
	enum run_hold hold;
	struct run_stacks stacks;
	const char *options_line; /* for the recording */
	struct run_plans *plans;  /* of linked-in allocators; NULL: none are looked for */
	bool purge_at_exit;       /* the launched process gives back what its allocator keeps, measured */
	uint64_t every_ns;        /* 0: by the schedule of sampler.h; else a fixed sample interval */
	uint64_t snapshot_every_ns; /* 0: by that schedule; else a snapshot at least this often */
	struct run_until_limit until; /* all 0: the recording ends with the launched process */
	/* The recording is complete: closes the store and shows it. With `until` that may be while the
	 * target runs on; it is then called from another thread, while this one waits. */
	void (*recorded)(void *arg, const struct run_result *result);
	void *recorded_arg;
};
/* Launches, records into store, returns when the launched process has ended. Unless it could
 * not be started, recorded() was called once by then.
 * 0, or -errno when memwhy itself could not work (then nothing was started). */
int run_target(const struct run_options *options, struct store *store, struct run_result *ret_result);

#endif
