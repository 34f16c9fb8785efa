/* SPDX-License-Identifier: MIT */
/* command_report.h - the commands that print one recording as text or JSON at a moment: report
 * and why take the same options. */
#ifndef MEMWHY_COMMAND_REPORT_H
#define MEMWHY_COMMAND_REPORT_H

#include "command_recording.h"

#include <stdbool.h>

struct command_report {
	const char *name;
	const char *what;    /* it prints, for an error: "the report" */
	command_print_fn *text, *json;
	/* --at: false when the text is no moment that it knows. */
	bool (*set_moment)(struct report_options *o, const char *text);
	const char *moments; /* "use ...", for that error */
	void (*print_help)(void);
};
/* Returns the exit status. */
int command_report_run(const struct command_report *c, int argc, char **argv);

#endif
