/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the call stack of an allocation, as an id (wire_stack.h).
 */
#ifndef MEMWHY_STACK_H
#define MEMWHY_STACK_H

#include "probe.h"

/* Opens the stacks' part of the map if the collector wants stacks. In probe_start(), and
 * again for a forked child's own map. */
void stack_start(void);
/* The child's map, which stack_start() has opened, gets the stacks of its parent's. */
void stack_copy(const char *from_base);
/* A slot was taken over by a thread: its first sampling point. */
void stack_start_thread(struct wire_thread *t);
/* The stack id for a block of `bytes` that is being booked; 0: none is due. Called on the
 * general path of every hook that hands out a block, with t->allocated_bytes as it was
 * before. frame: the __builtin_frame_address(0) of a function that is
 * still running, whose caller the stack begins with; NULL: this one. Runs inside malloc and in signal handlers: no allocation, no locks, errno kept,
 * bounded use of the stack. */
uint32_t stack_for_block(struct wire_thread *t, size_t bytes, const void *frame);

/* Before the target limits its address space: gives back what no stack uses yet. A stack that
 * finds no room afterwards is counted as lost. */
void stack_shrink_reservation(void);

#endif
