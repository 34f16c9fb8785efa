/* SPDX-License-Identifier: MIT */
/*
 * diff.h - two recordings at the same moment: the terms of their ledgers side by side, and
 * their call stacks, matched by the names of functions and modules, so that the builds may
 * differ. The larger the change the earlier the row. Nothing is printed but to out.
 */
#ifndef MEMWHY_DIFF_H
#define MEMWHY_DIFF_H

#include "stack_tree.h"

struct diff_options {
	struct stack_query query;
	enum stack_group group;
	int lines;             /* of stacks; 0: what is usual */
	int width, utf8;       /* 0, -1: of the terminal */
};
struct diff {
	struct recording *recordings[2];
	struct report_model reports[2];
	struct stack_model models[2];
	bool has_stacks;       /* both have; else stacks_error says why not */
	char stacks_error[256];
	struct stack_labels names;
	struct stack_tree tree;
	struct diff_options options;
};
/* Recordings are borrowed. Without stacks only the ledgers are compared. On failure
 * *ret_bad is the recording that it is about (0, 1); the error's sentence: stack_error_text(). */
int diff_init(struct diff *d, struct recording *a, struct recording *b, const struct diff_options *options, int *ret_bad);
void diff_finish(struct diff *d);
int diff_print_text(const struct diff *d, FILE *out); /* 0 or -ENOMEM */
int diff_print_json(const struct diff *d, FILE *out);

/* The ledger of a side at the moment, or NULL if there was no snapshot. */
const struct ledger *diff_ledger(const struct diff *d, int side);
/* The figures of a row: all that passes, or with the group of whole stacks what ends there. */
const struct stack_sum *diff_sum(const struct diff *d, const struct stack_tree_node *n, int side);
/* Rows by the size of the change; owned by the caller. */
uint32_t *diff_ranked(const struct diff *d, size_t *ret_count);

#endif
