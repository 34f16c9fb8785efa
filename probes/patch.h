/* SPDX-License-Identifier: MIT */
/*
 * patch.h - carries out a plan (src/wire_plan.h) in a loaded module: verify, write, verify,
 * undo. All hooked entries of a module or none. Runs in the target before its main, or in a
 * dlopen(): system calls only, no allocation, no locks; errno kept.
 */
#ifndef MEMWHY_PATCH_H
#define MEMWHY_PATCH_H

#include "../src/wire_plan.h"

#include <stdbool.h>
#include <stdint.h>

/* What a hook gets as its sixth argument: one for each entry, in static storage. */
struct linked_entry {
	uint64_t (*real)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t); /* the displaced function */
	uint32_t kind;   /* enum wire_entry_kind */
	uint32_t heap;   /* index into control->heaps */
};

/* bias: dlpi_addr of the module. hook_for(kind): the function to jump to, which is entered with
 * the five arguments and, in r9, the struct linked_entry; NULL: leave that kind alone.
 * entries[i] belongs to plan->entries[i]; real is set also for entries that are only called. */
typedef void *patch_hook_fn(uint32_t kind);
enum patch_result patch_module(const struct wire_plan *plan, uint64_t bias, struct linked_entry *entries,
			       patch_hook_fn *hook_for);
/* Where the island is, for the record of the probe's own memory; 0: none. */
uint64_t patch_island(uint64_t *ret_bytes);
/* Puts a module's own bytes back (it is about to be unloaded, or the probe gives up). The
 * island stays, for a thread may be in it. */
void patch_undo(const struct wire_plan *plan, uint64_t bias);

#endif
