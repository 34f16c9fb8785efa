/* SPDX-License-Identifier: MIT */
/* run_arguments.h - what a person asked of memwhy run. Wrong usage is complained of, once. */
#ifndef MEMWHY_RUN_ARGUMENTS_H
#define MEMWHY_RUN_ARGUMENTS_H

#include "identify.h"
#include "run.h"

struct run_arguments {
	const char *output, *csv;
	bool force, quiet;
	int verbose;
	bool follow, probe;
	enum run_hold hold;
	enum identify_mode identify;
	struct run_stacks stacks;
	int64_t every_ns, snapshot_every_ns;
	bool purge;
	struct run_until_limit until;
	const char *until_text;
	char *const *command;
};
/* Defaults, then the options. -1: go on; else the exit status, all is said. */
int run_arguments_parse(int argc, char **argv, struct run_arguments *ret_arguments);
/* One line for the recording. */
void run_arguments_describe(const struct run_arguments *a, char *ret_line, size_t size);

/* "memwhy: ..." on standard error; returns the status. */
int run_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
