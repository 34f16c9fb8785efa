/* SPDX-License-Identifier: MIT */
/*
 * patch_island.h - the memory near a module where hooked entries' first instructions and the
 * way to the hooks are. Made once, never given back: a thread may be in it.
 */
#ifndef MEMWHY_PATCH_ISLAND_H
#define MEMWHY_PATCH_ISLAND_H

#include "patch.h"

struct patch_piece {
	uint64_t real, stub; /* addresses in the island; 0: this entry is not hooked */
};

/* Makes an island for all entries with patch_bytes whose kind has a hook and fills pieces,
 * one for each entry of the plan, which is checked already. One caller at a time. */
enum patch_result patch_island_make(const struct wire_plan *plan, uint64_t bias, struct linked_entry *entries,
				    patch_hook_fn *hook_for, struct patch_piece *ret_pieces);
/* Does a jump to this address go to a stub of ours? */
bool patch_island_is_stub(uint64_t address);

#endif
