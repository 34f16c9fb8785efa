/* SPDX-License-Identifier: MIT */
/*
 * stack_shims.h - functions that only pass an allocation on: malloc and its like, operator
 * new, the growth of containers. Whoever asks "who holds this" means their caller.
 */
#ifndef MEMWHY_STACK_SHIMS_H
#define MEMWHY_STACK_SHIMS_H

#include <stdbool.h>

/* function: demangled, as recorded. Pure. */
bool stack_is_shim(const char *function);

#endif
