/* SPDX-License-Identifier: MIT */
/*
 * reconcile.h - an allocator's own figures beside the ledger's: which of them equals which
 * sum of terms, and why they differ when they do. Pure. The table is in reconcile.c, and for
 * people in memwhy-ledger(7), section RECONCILIATION; a test compares the two.
 *
 * A difference is small (0.5 % or 64 KiB), or explained by something that the other figures
 * show to be large enough, or unexplained, which is then said.
 */
#ifndef MEMWHY_RECONCILE_H
#define MEMWHY_RECONCILE_H

#include "ledger.h"
#include "wire_reading.h"

#include <stdbool.h>
#include <stddef.h>

struct reconcile_input {
	const char *allocator;        /* as struct wire_heap calls it: "jemalloc", "glibc", ... */
	uint64_t has;                 /* bit per enum wire_figure; sums over the arenas */
	int64_t values[WIRE_FIGURES]; /* of one reading, near the ledger's moment */
	const struct ledger *ledger;
	uint32_t threads;             /* that have used the heap; 0: not known */
	bool alone;                   /* no other followed allocator has blocks in this ledger */
};

struct reconcile_line {
	enum wire_figure first;       /* the figure that it is about */
	char figure[64], sum[128];    /* "allocated - thread_caches", "live_requested + rounding";
	                              * "used pages" as in the manual */
	int64_t figure_bytes, ledger_bytes;
	int64_t difference_bytes;     /* figure less ledger */
	bool explained;               /* small, or for a reason that is large enough */
	const char *explanation;      /* one clause; "" when small, "unexplained" when not explained */
};
#define RECONCILE_LINES_MAX 6
/* How many lines; 0 for an allocator or figures that nothing is known of. A line whose figures
 * or terms could not be had is left out. */
size_t reconcile(const struct reconcile_input *in, struct reconcile_line ret_lines[RECONCILE_LINES_MAX]);

/* For the test of the manual: the nth rule in words, or false. */
bool reconcile_rule_words(size_t n, const char **ret_allocator, char ret_figure[64], char ret_sum[128]);

#endif
