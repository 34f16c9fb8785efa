/* SPDX-License-Identifier: MIT */
/*
 * relocate.h - plans the patch of one function: which bytes of its start a 5-byte jump
 * displaces, and what runs instead of them elsewhere (DESIGN 4, rule 13). Pure. Decoding is
 * Zydis'. x86-64.
 */
#ifndef MEMWHY_RELOCATE_H
#define MEMWHY_RELOCATE_H

#include "image.h"
#include "relocate_refer.h"
#include "wire_plan.h"

/* Fills entry's address, function, patch_bytes, original, code and fixups for the function at
 * `function`; kind, family and found are the caller's. -errno and one clause in ret_why (when
 * not NULL) where it can't be patched: too short, jumped back into, an instruction that
 * can't be moved. */
int relocate_entry(struct image *im, uint64_t function, struct wire_plan_entry *ret_entry, const char **ret_why);
/* Likewise where several are to be patched: referrers were found for this function among others. */
int relocate_entry_among(struct image *im, uint64_t function, const struct relocate_referrers *referrers,
			 struct wire_plan_entry *ret_entry, const char **ret_why);

#endif
