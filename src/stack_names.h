/* SPDX-License-Identifier: MIT */
/*
 * stack_names.h - what the recording is told of a trie: modules, frames and nodes, each
 * once, and only those that a stack in use leads to. The module of a node is that of the
 * moment when it was first looked at, so look at every snapshot. One thread at a time.
 * 0 or -errno.
 */
#ifndef MEMWHY_STACK_NAMES_H
#define MEMWHY_STACK_NAMES_H

#include "stack_modules.h"
#include "stack_view.h"

struct stack_names;
/* view: borrowed, must outlive it. */
int stack_names_create(struct stack_view *view, struct stack_names **ret_names);
void stack_names_destroy(struct stack_names *n);

/* Copies the new nodes and finds their modules by these mappings. */
int stack_names_look(struct stack_names *n, struct platform_process *p, const struct platform_mappings *list);

/* The stack is in use: its nodes and their frames are to be told. -ENOENT: no such stack. */
int stack_names_use(struct stack_names *n, uint32_t stack);

/* What was not told yet, in this order; ids from 1 on. fn false: not now, it comes again. */
struct stack_names_frame { uint32_t id, module; uint64_t address; };
struct stack_names_node { uint32_t id, parent, frame, flags; };
struct stack_names_receiver {
	void *arg;
	bool (*module)(void *arg, uint32_t id, const struct stack_module *module);
	bool (*frame)(void *arg, const struct stack_names_frame *frame);
	bool (*node)(void *arg, const struct stack_names_node *node);
};
/* True when all is told. */
bool stack_names_tell(struct stack_names *n, const struct stack_names_receiver *to);

#endif
