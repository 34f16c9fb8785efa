/* SPDX-License-Identifier: MIT */
/*
 * experiment.h - runs the rows of a comparison: each round has every row once, clean (nothing
 * of memwhy in it), and in the first rounds once more under the probe. Rounds begin with
 * another row each time, so that no row is always the one behind a certain other, and what
 * changes in the machine changes for all. A row that fails is left out from then on.
 */
#ifndef MEMWHY_EXPERIMENT_H
#define MEMWHY_EXPERIMENT_H

#include "compare.h"

#include <stdbool.h>

#define EXPERIMENT_ROUNDS_MAX 1000
#define EXPERIMENT_ROUNDS_AUTO_MAX 50
/* Rounds go on until each row's median wall time and peak are known to this part of
 * themselves (statistics_precision), or time is up. */
#define EXPERIMENT_PRECISION 0.01

struct experiment_options {
	bool shell;               /* rows are for /bin/sh: their program's file says nothing */
	const char *output;       /* the commands' standard output: "null", "inherit" or a file */
	const char *prepare;      /* for /bin/sh, before each run; NULL */
	const char *keep;         /* a folder for the recordings; NULL: the usual one */
	unsigned warmup, rounds;  /* rounds 0: by precision and budget */
	unsigned recorded;        /* runs under the probe, of each row */
	bool ignore_failure;
	uint64_t timeout_ns;      /* of one run; 0: none */
	uint64_t budget_ns;       /* of all; 0: none */
	bool progress;            /* on standard error */
};
struct experiment_outcome {
	unsigned rounds;
	int interrupted_by;       /* a signal, or 0 */
	bool out_of_time;         /* the budget ended it before it was precise */
};
/* Fills in the cells and recordings of the rows. 0, or -errno when memwhy itself could not go on;
 * what was measured by then stands. */
int experiment_run(const struct experiment_options *options, struct compare *c, struct experiment_outcome *ret_outcome);

#endif
