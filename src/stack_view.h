/* SPDX-License-Identifier: MIT */
/*
 * stack_view.h - the trie of call stacks out of a target's memory (wire_stack.h). The peer
 * is hostile: nodes are copied, so that what was checked stays so; indices are checked, and
 * no chain of callers is ever longer than WIRE_STACK_DEPTH or comes back to itself. Holes
 * of the file are not touched. Works after the target's death. One thread at a time.
 * 0 or -errno; outputs untouched on failure.
 */
#ifndef MEMWHY_STACK_VIEW_H
#define MEMWHY_STACK_VIEW_H

#include "wire_stack.h"

#include <stddef.h>
#include <stdint.h>

struct stack_view;

/* memory: borrowed, a file of WIRE_BYTES; it must outlive the view. -ENODATA: the mode is
 * WIRE_STACKS_NONE, or one that this version does not know. */
int stack_view_create(int memory, struct stack_view **ret_view);
void stack_view_destroy(struct stack_view *v);

/* As they were when the view was created. */
uint32_t stack_view_mode(const struct stack_view *v);
uint64_t stack_view_mean_bytes(const struct stack_view *v);

struct stack_view_counts { uint64_t taken, lost, failed; };
int stack_view_counts(const struct stack_view *v, struct stack_view_counts *ret_counts);

/* Copies the nodes that are new. 0 or -errno; then the older ones are still there. */
int stack_view_update(struct stack_view *v);
/* Ids below it are known, 0 apart. */
uint32_t stack_view_node_count(const struct stack_view *v);
/* ret_parent: 0 where there is none, and where a lying trie is cut. -ENOENT: no such node, or
 * one that was never filled. */
int stack_view_node(struct stack_view *v, uint32_t id, uint64_t *ret_ip, uint32_t *ret_parent);

/* What was allocated there in total, read anew. -ENOENT: no such node. */
int stack_view_total(const struct stack_view *v, uint32_t id, struct wire_stack_total *ret_total);
/* All totals that are not zero, ascending by id. */
typedef void stack_view_total_fn(void *arg, uint32_t id, const struct wire_stack_total *total);
int stack_view_each_total(const struct stack_view *v, stack_view_total_fn *fn, void *arg);

#endif
