/* SPDX-License-Identifier: MIT */
/* experiment_private.h - one run each, for experiment.c alone. */
#ifndef MEMWHY_EXPERIMENT_PRIVATE_H
#define MEMWHY_EXPERIMENT_PRIVATE_H

#include "experiment.h"
#include "launch.h"

#include <sys/resource.h>

/* In memory that the child shares: what it tells of its run. */
struct experiment_told {
	uint64_t start_ns;        /* right before the exec */
	struct rusage before;     /* what the fork itself had cost by then */
	int exec_errno;           /* it failed */
	int wait_status;          /* recorded: the program's own */
	bool is_recorded;         /* the recording is complete */
	double values[COMPARE_COLUMNS];
	char allocator[96];
	char recording[PATH_MAX];
	char wrong[320];          /* memwhy could not do its part; or the answer of a question */
};
struct experiment {
	const struct experiment_options *options;
	struct compare *compare;
	struct experiment_told *told;
	struct launch_command commands[COMPARE_ROWS_MAX]; /* of rows that are not left out */
};

/* In the child: streams and environment of the row. 0 or -errno. */
int experiment_set_up(const struct experiment *x, const struct compare_row *row);
/* 0 and the row has a run more, or is left out with the reason; -errno as experiment_process(). */
int experiment_clean_run(struct experiment *x, size_t row, bool is_warmup);
int experiment_recorded_run(struct experiment *x, size_t row, unsigned number);
/* Is its program's allocator exchanged by a preload? If not, the row is left out. */
int experiment_judge_program(struct experiment *x, size_t row);
/* How a run ended, when not well; "" when well. Says "timed out" too. */
struct experiment_end;
void experiment_explain_end(const struct experiment *x, const struct experiment_end *e, int wait_status, char *ret, size_t size);

#endif
