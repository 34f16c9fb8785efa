/* SPDX-License-Identifier: MIT */
/*
 * page_guess.h - page states where only smaps may be read: it tells how much of a mapping
 * is resident, not which pages. Pages with live blocks are taken first, then those that
 * held blocks, then the rest from the bottom: sums over a mapping are right, the split
 * between its terms is the likely one. PAGES_SMAPS in the recording says so.
 */
#ifndef MEMWHY_PAGE_GUESS_H
#define MEMWHY_PAGE_GUESS_H

#include "platform.h"
#include "shadow_view.h"

/* shadow may be NULL. 0 or -errno (then *ret_runs is empty). */
int page_guess_runs(struct platform_process *p, const struct shadow_view *shadow, struct platform_runs *ret_runs);

#endif
