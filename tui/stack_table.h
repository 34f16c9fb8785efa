/* SPDX-License-Identifier: MIT */
/* stack_table.h - the stacks of a recording at a snapshot as the rows of `memwhy top`: the same
 * model, the same tree, the same order, so the same figures. Kept until another snapshot or
 * another figure is asked for. */
#ifndef MEMWHY_TUI_STACK_TABLE_H
#define MEMWHY_TUI_STACK_TABLE_H

#include "stack_tree.h"

struct stack_table {
	bool had;
	int result;                 /* of the last load; stack_error_text() has words */
	enum stack_by by;
	int64_t at_ns, pid;
	struct stack_labels names;
	struct stack_model *model;
	struct stack_tree tree;
	uint32_t *rows;             /* nodes of the tree */
	size_t row_count;
	struct stack_sum all;
};
/* Zero-initialized is empty. at_ns: the nearest snapshot that has stacks. 0 or -errno. */
int stack_table_load(struct stack_table *t, struct recording *r, int64_t pid, int64_t at_ns, enum stack_by by);
void stack_table_finish(struct stack_table *t);
const char *stack_table_name(const struct stack_table *t, size_t row);

#endif
