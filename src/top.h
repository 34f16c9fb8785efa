/* SPDX-License-Identifier: MIT */
/*
 * top.h - what `memwhy top` prints of a stack model: the functions (files, modules, stacks)
 * that hold most, and who called the first of them; or a tree. Nothing is printed but to out.
 */
#ifndef MEMWHY_TOP_H
#define MEMWHY_TOP_H

#include "stack_tree.h"

enum top_tree { TOP_TABLE, TOP_CALLERS, TOP_CALLEES };

#define TOP_DEPTH_MAX 256
struct top_options {
	enum stack_group group;
	enum top_tree tree;
	bool bare;             /* allocator shims are hidden */
	int depth, lines;      /* 0: what is usual */
	int width, utf8;       /* 0, -1: of the terminal */
};
/* 0 or -ENOMEM; the stream's own errors are the caller's to look for. */
int top_print_text(const struct stack_model *m, const struct top_options *options, FILE *out);
int top_print_json(const struct stack_model *m, const struct top_options *options, FILE *out);

/* Prints a function's name in at most max columns: without its arguments and then with a cut
 * in its middle where it is longer, since a name's end tells most. Returns the columns. */
size_t top_print_name(FILE *out, const char *name, size_t max, int utf8);
/* "at the resident peak, 0.30 s in"; "in the whole run" */
void top_print_moment(const struct stack_model *m, FILE *out);

#endif
