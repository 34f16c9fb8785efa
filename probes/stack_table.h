/* SPDX-License-Identifier: MIT */
/*
 * stack_table.h - stacks as nodes of the trie in the shared memory (wire_stack.h), and what
 * was allocated there. Grows in windows, so that mlockall() populates only what is in use.
 * All but the first two: callable anywhere, by many threads, no locks, errno kept.
 */
#ifndef MEMWHY_STACK_TABLE_H
#define MEMWHY_STACK_TABLE_H

#include "probe.h"
#include "unwind.h"

/* Opens the head of a map's stacks, and if the collector wants any, the first windows. The map
 * is used from now on. The mode, as far as it makes sense. */
enum wire_stack_mode stack_table_open(char *base);
/* The opened map's stacks become a copy of another one's (fork): ids stay what they were. The
 * other map is opened as far as needed. */
void stack_table_copy(const char *from_base);
/* False: probe.base is another map than the opened one (a forked child without its own). */
bool stack_table_is_open(void);

/* The id of a stack, innermost frame first; 0: there is no room (counted as lost). */
uint32_t stack_table_find(const uint64_t *ips, size_t count);
/* Likewise of frames, outermost first, where those below `kept` have their hash and id already;
 * it is filled in for the others. */
uint32_t stack_table_find_again(struct unwind_frame *frames, size_t kept, size_t count);
/* An allocation at a stack, by its weight (wire_stack.h). flags: WIRE_STACK_*. */
void stack_table_add(uint32_t id, uint64_t bytes, uint64_t allocations, uint32_t flags);

static inline struct wire_stacks *stack_table_head(char *base)
{
	return (struct wire_stacks *)(void *)(base + WIRE_OFF_STACKS);
}

#endif
