/* SPDX-License-Identifier: MIT */
/* command.h - a subcommand: a const entry at the end of its own cmd_*.c. */
#ifndef MEMWHY_COMMAND_H
#define MEMWHY_COMMAND_H

struct command {
	const char *name;
	const char *usage;   /* one line, without "memwhy NAME" */
	const char *summary; /* a few words for --help */
	/* argv[0] is the subcommand's name. Returns the exit status. Reports its own
	 * errors: one line on standard error, "memwhy: ...". */
	int (*run)(int argc, char **argv);
};
extern const struct command cmd_run, cmd_report, cmd_why, cmd_export, cmd_check, cmd_doctor, cmd_symbolize, cmd_top, cmd_diff, cmd_compare, cmd_ctl, cmd_tui;

/* Exit statuses of memwhy itself (the target's own pass through otherwise). */
enum {
	EXIT_MEMWHY = 125,        /* memwhy failed before the target ran, or a report failed */
	EXIT_USAGE = 2,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};
#endif
