/* SPDX-License-Identifier: MIT */
/* linked.h - follows allocators that are linked into modules, by memwhy's plans. */
#ifndef MEMWHY_LINKED_H
#define MEMWHY_LINKED_H

#include "../src/wire_plan.h"

#include <stdint.h>

/* Patches a loaded module by its plan: a heap of control->heaps for each family of it, whose
 * state says what came of it. Before recording is on, or inside a dlopen(), by one thread at
 * a time. path: the module's file, for people; a module that comes again has its heap again. The
 * plan isn't needed afterwards. A number for linked_release(), or -1: it is not followed. */
int linked_install(const struct wire_plan *plan, const char *path, uint64_t bias);
/* The executable, if the collector left a plan for it. Once, in a new image, when `probe` is
 * filled in and before it is on. errno kept. */
void linked_install_executable(void);
/* The module was unloaded. Its heap stays, for what it left may still be resident. */
void linked_release(int slot);

#endif
