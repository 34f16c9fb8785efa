/* SPDX-License-Identifier: MIT */
/*
 * linked_hooks.h - the hooks behind entry points of allocators that are linked into a
 * module. They book into the same shadow and counters as the preloaded hooks.
 */
#ifndef MEMWHY_LINKED_HOOKS_H
#define MEMWHY_LINKED_HOOKS_H

#include "probe.h"

/* The hook for an entry of this kind (enum wire_entry_kind), or NULL. It is entered with
 * the function's own arguments and, as the sixth, its struct linked_entry (patch.h). */
void *linked_hook_for(uint32_t kind);

/* Where this thread's outermost hook has its frame while the allocator runs behind it, else 0. */
extern __thread uintptr_t linked_inside __attribute__((visibility("hidden")));

/* Is this a call that the allocator makes? Frames of its calls lie deeper than the hook's; a
 * call from above it means that the hook was left by a longjmp(), and is over. */
static inline bool linked_is_inside(void)
{
	return (uintptr_t)__builtin_frame_address(0) < linked_inside;
}

#endif
