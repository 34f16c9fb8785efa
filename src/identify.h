/* SPDX-License-Identifier: MIT */
/*
 * identify.h - finds the allocator that is linked into a module and plans its patches: by
 * its symbols, else by its behaviour in a throwaway, locked-down process (DESIGN 4). The
 * caller keeps what was found (plan_cache.h). One call at a time per process is enough;
 * thread-safe all the same.
 */
#ifndef MEMWHY_IDENTIFY_H
#define MEMWHY_IDENTIFY_H

#include "wire_plan.h"

#include <stdbool.h>
#include <stddef.h>

enum identify_mode { IDENTIFY_OFF, IDENTIFY_SYMBOLS, IDENTIFY_ALL };

struct identify_options {
	const char *path;        /* the module's file */
	const char *host;        /* the program that loads it; NULL: it is the program itself */
	const char *probe_path;  /* the object that is preloaded into the throwaway process */
	enum identify_mode mode;
	const uint64_t *hints;   /* module addresses of callers of unknown frees (rule: honest), or NULL */
	size_t hint_count;
};

struct identify_report {
	unsigned forks, candidates; /* of the throwaway process */
	uint64_t wall_ns, cpu_ns;
	char why[160];              /* one clause, when nothing or not all was found; else "" */
};

/* True when the file's texts or symbols say that a known allocator may be in it: a few ms.
 * Most programs have none, and need nothing of all this. */
bool identify_is_worth_it(const char *path);

/* 0 and a plan with at least one entry to patch, or -ENOENT: no allocator is linked in (or it
 * is one that nobody knows: report->why), or another -errno. The report is always filled. */
int identify_module(const struct identify_options *options, struct wire_plan *ret_plan, struct identify_report *ret_report);

#endif
