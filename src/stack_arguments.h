/* SPDX-License-Identifier: MIT */
/*
 * stack_arguments.h - the options that top, diff and export share: which figure, which
 * moment, which process. Each prints its one line and returns EXIT_USAGE, or sets its value
 * and returns 0.
 */
#ifndef MEMWHY_STACK_ARGUMENTS_H
#define MEMWHY_STACK_ARGUMENTS_H

#include "stack_model.h"

struct stack_arguments {
	const char *command;     /* "top", for the error's line */
	struct stack_query query;
	bool at_given;
	enum stack_group group;
};
int stack_argument_by(struct stack_arguments *a, const char *text);
int stack_argument_at(struct stack_arguments *a, const char *text);
int stack_argument_pid(struct stack_arguments *a, const char *text);
int stack_argument_group(struct stack_arguments *a, const char *text);
/* A whole number from 1 to max. */
int stack_argument_number(const struct stack_arguments *a, const char *option, const char *text, long max, int *ret_number);
/* --by peak and --by total say themselves which moment they are of. */
int stack_arguments_check(const struct stack_arguments *a);
/* memwhy: COMMAND: WHAT "VALUE": ADVICE */
int stack_argument_complain(const struct stack_arguments *a, const char *what, const char *value, const char *advice);
/* The lines of --help about --by and --at. */
void stack_arguments_print_help(FILE *out);

#endif
