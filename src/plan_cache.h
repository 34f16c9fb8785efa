/* SPDX-License-Identifier: MIT */
/*
 * plan_cache.h - what identification found, kept by build id under $XDG_CACHE_HOME/memwhy/.
 * A plan that is read back is checked against the image's own bytes before anybody uses it,
 * so that a damaged or foreign file, or a build id that two files share, costs a new
 * identification and nothing else. 0 or -errno; outputs untouched on failure.
 */
#ifndef MEMWHY_PLAN_CACHE_H
#define MEMWHY_PLAN_CACHE_H

#include "image.h"
#include "wire_plan.h"

#include <stdbool.h>

#define PLAN_HINTS_MAX 64u

/* A run that met blocks which the plan's entries did not make doubts the plan. */
struct plan_doubt {
	uint32_t is_doubted, tries;   /* tries: how often it was identified anew because of that */
	uint32_t hint_count, pad;
	uint64_t hints[PLAN_HINTS_MAX]; /* module addresses of the callers */
};

/* Also that nothing was found is kept: then plan->entry_count is 0 and why says it. */
struct plan_cached {
	char why[160], own[16]; /* own: an allocator that is linked in and not in the plan; or "" */
	struct plan_doubt doubt;
	struct wire_plan plan; /* last: only the entries that it has are in the file */
};

/* -ENOENT: not there, or of another version; -EBADMSG: there, and no good for this image. */
int plan_cache_load(struct image *im, struct plan_cached *ret_cached);
/* Replaces what is there. Failure is of no consequence but for the next run's time. */
int plan_cache_store(struct image *im, const struct plan_cached *cached);
/* Deletes all entries; how many there were, or -errno. */
int plan_cache_forget(void);

/* A plan's bounds, and its entries against the image: what patching would displace is there. */
bool plan_fits_image(const struct wire_plan *plan, struct image *im);

#endif
