/* SPDX-License-Identifier: MIT */
/*
 * report_lines.h - the ledger as lines with bars: which terms get a line, which are
 * folded into "other", how wide each column is.
 */
#ifndef MEMWHY_REPORT_LINES_H
#define MEMWHY_REPORT_LINES_H

#include "report_model.h"

struct report_style {
	FILE *out;
	int width;
	bool colour, utf8, verbose;
};

/* What is asked for, else what `out` can show. */
struct report_style report_style_of(const struct report_options *options, FILE *out);

/* One line for each term worth one. beside: a second column, or NULL; `beside_name`
 * its heading, `name` the first one's. allocator: who keeps dirty pages ("glibc"). */
void report_print_ledger(const struct report_style *style, const char *name, const struct ledger *l,
			 const char *beside_name, const struct ledger *beside, const char *allocator);

#endif
