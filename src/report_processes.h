/* SPDX-License-Identifier: MIT */
/* report_processes.h - the lines of the text report that say who ran and how it ended. */
#ifndef MEMWHY_REPORT_PROCESSES_H
#define MEMWHY_REPORT_PROCESSES_H

#include "report_lines.h"

struct report_page {
	struct report_style style;
	const struct report_model *m;
	enum report_moment at;
};

/* Name, pid, end, duration, allocators, threads; and of which command it is a part. */
void report_print_header(const struct report_page *page);
/* The sum over the tree, and a line for each other process. */
void report_print_others(const struct report_page *page);

#endif
