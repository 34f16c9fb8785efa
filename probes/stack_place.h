/* SPDX-License-Identifier: MIT */
/*
 * stack_place.h - where this thread's stack is mapped, so that the unwinder need not ask
 * about each page. Reads /proc/self/maps, once for a thread, by system calls alone.
 * Callable anywhere; errno kept.
 */
#ifndef MEMWHY_STACK_PLACE_H
#define MEMWHY_STACK_PLACE_H

#include "unwind.h"

/* The stack that `here` is on; both 0: it can't be told. is_main: it grows, and is counted as
 * far as its limit. buffer: for the text, at least 256 bytes. */
struct unwind_stack stack_place(uintptr_t here, bool is_main, char *buffer, size_t size);

#endif
