/* SPDX-License-Identifier: MIT */
/*
 * bootstrap.h - a small arena in the probe's own .bss for allocations that happen
 * while the real allocator is being looked up (dlsym allocates when a name is missing).
 * Never freed; callable anywhere.
 */
#ifndef MEMWHY_BOOTSTRAP_H
#define MEMWHY_BOOTSTRAP_H
#include <stdbool.h>
#include <stddef.h>

/* Zeroed, 16-byte aligned memory, or NULL when the arena is full. */
void *bootstrap_allocate(size_t bytes);
bool bootstrap_owns(const void *p);
/* Size that was asked for; p must be the arena's. */
size_t bootstrap_size(const void *p);
#endif
