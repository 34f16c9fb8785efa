/* SPDX-License-Identifier: MIT */
/*
 * command_recording.h - what the commands about a recording share: which one, opening it, the
 * options that several have, and the one line when something is wrong.
 */
#ifndef MEMWHY_COMMAND_RECORDING_H
#define MEMWHY_COMMAND_RECORDING_H

#include "recording.h"
#include "report.h"

#include <limits.h>

/* "memwhy: COMMAND: WHAT "VALUE": ADVICE" on standard error. Returns EXIT_USAGE. */
int command_complain(const char *command, const char *what, const char *value, const char *advice);
/* For getopt_long()'s ':' and '?', at option. Returns EXIT_USAGE. */
int command_bad_option(const char *command, int c, const char *option);
/* Each sets its value and returns 0, or complains and returns EXIT_USAGE. */
int command_set_pid(const char *command, const char *text, int64_t *ret_pid);
/* operands: those behind the options; one recording, or none (NULL). */
int command_set_path(const char *command, int count, char **operands, const char **ret_path);

/* given: as on the command line; NULL: the last recording, whose path comes into last. NULL:
 * there is none, which was said on standard error. */
const char *command_recording_path(const char *given, char last[static PATH_MAX]);
/* NULL: it could not be read, which was said. */
struct recording *command_recording_open(const char *path);

/* The rest of a command after parsing: parsed is 0, the exit status, or -1 for "help was
 * printed"; request is handed on. Returns the exit status. */
typedef int command_recording_fn(const void *request, const char *path);
int command_on_recording(int parsed, const char *given, command_recording_fn *fn, const void *request);
/* Prints a recording to standard output; what: "the report", for the error. The exit status. */
typedef int command_print_fn(struct recording *r, const struct report_options *options, FILE *out);
int command_print(const char *path, command_print_fn *print, const struct report_options *options, const char *what);

#endif
