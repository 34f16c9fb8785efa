/* SPDX-License-Identifier: MIT */
/*
 * report_why.h - one or two sentences on where the bytes between live and resident are,
 * each figure a term of the ledger. No advice, no promise.
 */
#ifndef MEMWHY_REPORT_WHY_H
#define MEMWHY_REPORT_WHY_H

#include "report_model.h"

/* The terms that make up most of what is resident and not live, largest first. */
struct report_gap {
	int64_t resident_bytes, live_bytes, gap_bytes; /* net of the probe; live: resident part */
	bool live_had;
	enum ledger_term terms[3];
	size_t term_count;
};
/* False when rss could not be had. Pure. */
bool report_gap(const struct ledger *l, struct report_gap *ret_gap);

/* The sentences without "why:", on one line; "" when nothing can be said. Malloced;
 * NULL: out of memory. */
char *report_why(const struct report_model *m, enum report_moment at);

#endif
