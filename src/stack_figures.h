/* SPDX-License-Identifier: MIT */
/*
 * stack_figures.h - who holds the bytes and who pins the pages: sums for each stack over
 * the blocks of one moment. Pure: pages and their blocks go in.
 *
 * Pinned: what is free on a resident page with live blocks stays resident because of them.
 * It is parted among these blocks in proportion to the bytes that each has on the page, and
 * rounded along the addresses (what the blocks up to here get together is rounded down), so
 * that the parts of a page are its free bytes, and the sum of all is the ledger's
 * fragmentation, to the byte. Dirty pages are parted likewise among the blocks that were
 * freed there last; a page whose blocks left no trace is nobody's, so this sum is at most
 * the ledger's dirty and muzzy pages.
 *
 * Sampled: a block of s bytes has a stack with the probability p = 1 - exp(-s / mean). It
 * stands for w = 1 / p blocks like it. The sum of w * x over the blocks with a stack is
 * then an unbiased estimate of the sum of x over all; each adds (w * x)^2 * (1 - p) to its
 * variance, which is an unbiased estimate too (Horvitz and Thompson, independent blocks).
 * Blocks without a stack have no row then.
 */
#ifndef MEMWHY_STACK_FIGURES_H
#define MEMWHY_STACK_FIGURES_H

#include "ledger.h"
#include "shadow_blocks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All the stacks that have no row of their own; no head can carry it. */
#define STACK_REST WIRE_STACK_NODES

struct stack_figure {
	uint32_t stack;             /* 0: blocks without one (only where all have one); STACK_REST */
	int64_t live_bytes, live_blocks, rounding_bytes;
	int64_t pinned_bytes;
	int64_t pinned_pages;       /* partly free pages where it has the most bytes; sampled: its share of them */
	int64_t dirty_bytes;
	int64_t live_error_bytes, pinned_error_bytes; /* standard errors; -1: exact */
};

struct stack_figures;

/* mode: enum wire_stack_mode, not NONE; mean_bytes: of the sampling, above 0 there. */
int stack_figures_create(uint32_t mode, uint64_t mean_bytes, struct stack_figures **ret_figures);
void stack_figures_destroy(struct stack_figures *f);
bool stack_figures_are_sampled(const struct stack_figures *f);
/* Back to no figures; the memory is kept for the next moment. */
void stack_figures_clear(struct stack_figures *f);

/* First all resident pages, ascending: a classify_page_fn. */
void stack_figures_note_page(void *arg, uint64_t address, enum ledger_term term);
/* Then all pages with their blocks, ascending: a shadow_page_fn. */
void stack_figures_add_page(void *arg, const struct shadow_page *page);
/* -ENOMEM when something did not fit: then the sums are not whole. */
int stack_figures_error(const struct stack_figures *f);

/* One row for each stack, in no order; the caller's to free. There is room for one more. */
int stack_figures_rows(const struct stack_figures *f, struct stack_figure **ret_rows, size_t *ret_count);
/* Leaves those that are among the `most` by live, rounding, pinned or dirty bytes, ascending
 * by stack, and puts the rest into one row at the end where there is a rest. count: of rows,
 * which have room for one more; changed. 0, or -ENOMEM: all rows are still there. */
int stack_figures_cut(struct stack_figure *rows, size_t *count, size_t most);

#endif
