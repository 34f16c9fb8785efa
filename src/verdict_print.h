/* SPDX-License-Identifier: MIT */
/* verdict_print.h - a verdict for people and for scripts; see verdict.h. Prints to the
 * style's stream only. */
#ifndef MEMWHY_VERDICT_PRINT_H
#define MEMWHY_VERDICT_PRINT_H

#include "report_lines.h"
#include "util/json.h"
#include "verdict.h"

/* Of the report: the first two findings behind "why:", and what would give it back. `at`
 * comes first. False: nothing was found, and nothing printed. */
bool verdict_print_summary(const struct report_style *style, const struct verdict *v, enum report_moment at);
/* What `memwhy why` shows below the header; verbose with the evidence. */
void verdict_print_text(const struct report_style *style, const struct report_model *m, const struct verdict *v,
			enum report_moment at);
/* Ideal beside measured, huge pages, bytes for each page fault; nothing that is not known. */
void verdict_print_beside(const struct report_style *style, const struct report_model *m, const struct verdict *v);
/* The keys findings, columns, purge, ideal_bytes in an open object. */
void verdict_print_json(struct json *j, const struct verdict *v);

#endif
