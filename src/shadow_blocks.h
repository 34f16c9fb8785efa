/* SPDX-License-Identifier: MIT */
/*
 * shadow_blocks.h - the blocks of a shadow page by page, each with its stack: the parts of
 * live blocks, or on a page without any the parts of those that were freed there last. A
 * block that is longer than its page is followed into the pages behind it. As of the last
 * shadow_view_scan(); the words are read again, so a target that runs on may show others.
 */
#ifndef MEMWHY_SHADOW_BLOCKS_H
#define MEMWHY_SHADOW_BLOCKS_H

#include "shadow_leaf.h"

struct shadow_part {
	uint32_t stack;
	uint32_t bytes;                /* of the block's footprint, on this page: 1 to 4096 */
	uint64_t requested, footprint; /* of the whole block */
	bool begins;                   /* its head is here */
	bool goes_on;                  /* on the next page too */
};
#define SHADOW_PARTS_MAX (SHADOW_HEADS_MAX + 1)

struct shadow_page {
	uint64_t address;
	bool live;                     /* the parts are of live blocks, else of freed ones */
	uint32_t live_footprint;       /* as the ledger has it; parts may differ where words changed */
	unsigned count;                /* can be 0 */
	struct shadow_part parts[SHADOW_PARTS_MAX]; /* ascending */
};

/* Ascending; every page that holds a live block or held one; few_stacks: of those with live
 * blocks only the ones where a live block has a stack, and on them perhaps not the parts of
 * blocks without one that begin further up. Nothing is read from holes of the file. */
typedef void shadow_page_fn(void *arg, const struct shadow_page *page);
void shadow_blocks_each_page(const struct shadow_view *v, bool few_stacks, shadow_page_fn *fn, void *arg);

#endif
