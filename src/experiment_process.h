/* SPDX-License-Identifier: MIT */
/*
 * experiment_process.h - a forked child in a process group of its own, so that a time limit
 * or Ctrl-C ends it with all that it started, while memwhy stays and prints what it has.
 * Forked and not vforked: an exec'd process inherits the resident peak of the memory that it
 * came from, and a fork's is small. One thread; one experiment at a time.
 */
#ifndef MEMWHY_EXPERIMENT_PROCESS_H
#define MEMWHY_EXPERIMENT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct experiment_end {
	int status;               /* as wait4 gave it */
	struct rusage used;       /* of the child and those it waited for */
	uint64_t end_ns;          /* CLOCK_MONOTONIC, when it was reaped */
	bool timed_out;
};
/* From here to experiment_signals_finish(), INT, TERM and HUP wait until they are asked for. */
void experiment_signals_begin(void);
/* The first of them that came, or 0; none is pending any more. */
int experiment_signals_finish(void);
bool experiment_interrupted(void);

/* body runs in the child, with the signals that memwhy was started with, and returns the exit
 * status if it returns. timeout_ns 0: none. 0; -EINTR: one of the signals came, and the child's
 * group was killed; -errno of the fork. The child is reaped in every case. */
int experiment_process(int (*body)(void *arg), void *arg, uint64_t timeout_ns, struct experiment_end *ret_end);
uint64_t experiment_now_ns(void);

#endif
