/* SPDX-License-Identifier: MIT */
/*
 * stack_fold.h - recursion in a stack that is too deep. Stacks of up to WIRE_STACK_DEPTH
 * frames are kept as they are. In a deeper one, a row of 1 to STACK_FOLD_PERIOD frames that
 * exactly repeats the row before it is left out, so that what began the recursion is still
 * seen. Pure; callable anywhere.
 */
#ifndef MEMWHY_STACK_FOLD_H
#define MEMWHY_STACK_FOLD_H

#include <stddef.h>
#include <stdint.h>

#define STACK_FOLD_PERIOD 16u

/* Folds in place; the number of frames that are left. */
size_t stack_fold(uint64_t *ips, size_t count);

#endif
