/* SPDX-License-Identifier: MIT */
/* make_stacks.h - a recording with call stacks whose every figure is known; see the table in
 * make_stacks.c. */
#ifndef MAKE_STACKS_H
#define MAKE_STACKS_H

#include "make_recording.h"

#define STACKS_NAME "stacks.memwhy"

struct make_stacks {
	bool sampled;         /* with standard errors */
	bool loop;            /* a stack that is its own caller */
	int64_t scale;        /* what KIB in the table is, in bytes; 1024 */
	const char *extra;    /* name of the function that another build has, instead of "intern" */
};
void make_stacks(const char *path, const struct make_stacks *how);

struct command;
/* Words parted by blanks, the first the command's name. Its exit status. */
int run_command(const struct command *command, const char *line);

#endif
