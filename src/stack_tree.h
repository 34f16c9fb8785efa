/* SPDX-License-Identifier: MIT */
/*
 * stack_tree.h - stacks merged by the names of their lines. From the inside out (callers) the
 * first level is the functions that hold the bytes, and below each is who called it; from the
 * outside in (callees) it is a flame graph. Two recordings may share a tree, a side each.
 * Invariant: a node's sum is the sum of its children's and of `own`, the stacks that end there.
 */
#ifndef MEMWHY_STACK_TREE_H
#define MEMWHY_STACK_TREE_H

#include "stack_model.h"

enum stack_direction { STACK_CALLERS, STACK_CALLEES };

struct stack_tree_node {
	uint32_t name;           /* of the names */
	uint32_t parent;         /* 0: the root */
	uint32_t first, sibling; /* children, any order; 0: none */
	uint32_t line;           /* of the first model that had it here: where in the source */
	uint32_t stacks[2];      /* how many went in */
	struct stack_sum sum[2], own[2];
};
struct stack_tree {
	struct stack_tree_node *nodes; /* 0: the root, everything */
	size_t count, slots;
	uint32_t *buckets;       /* by parent and name; node index, 0: none; open addressing */
	size_t bucket_count;     /* a power of two, at least twice the nodes */
};

/* Zero-initialized is empty. Adds the model's chosen stacks to a side; names: functions,
 * files or modules (STACK_GROUP_STACK: functions); bare: see stack_model_chain(). Files and
 * modules that follow themselves count once. 0 or -ENOMEM. */
int stack_tree_add(struct stack_tree *t, const struct stack_model *m, enum stack_group names,
		   enum stack_direction direction, bool bare, unsigned side);
void stack_tree_finish(struct stack_tree *t);

/* Children of a node (or, where parent is UINT32_MAX, all nodes where a stack ends), by the
 * size of the value, ties by name; owned by the caller. NULL: out of memory, or none. */
typedef int64_t stack_rank_fn(const struct stack_tree_node *n);
uint32_t *stack_tree_ranked(const struct stack_tree *t, const struct stack_labels *names, uint32_t parent,
			    stack_rank_fn *rank, size_t *ret_count);
/* Bytes of side 0: of all that passes, and of what ends there. */
int64_t stack_rank_sum(const struct stack_tree_node *n);
int64_t stack_rank_own(const struct stack_tree_node *n);
/* The child with the most bytes on side 0, or 0. */
uint32_t stack_tree_heaviest(const struct stack_tree *t, uint32_t node);

#endif
