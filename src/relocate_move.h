/* SPDX-License-Identifier: MIT */
/*
 * relocate_move.h - the instructions that a patch displaces, and their moving. Private to
 * relocate.c.
 */
#ifndef MEMWHY_RELOCATE_MOVE_H
#define MEMWHY_RELOCATE_MOVE_H

#include "wire_plan.h"

#include <Zydis/Zydis.h>
#include <stdbool.h>

#define RELOCATE_JUMP_BYTES 5u
/* Each of them starts within the jump's bytes. */
#define RELOCATE_DISPLACED_MAX RELOCATE_JUMP_BYTES

struct relocate_instruction {
	uint64_t address;
	const uint8_t *bytes;
	ZydisDecodedInstruction d;
};

struct relocate_displaced {
	uint64_t start, end; /* of what is overwritten or left over; padding included */
	unsigned count;
	struct relocate_instruction list[RELOCATE_DISPLACED_MAX];
};

/* Where it refers to by its own place: a branch's target or a rip-relative operand. */
bool relocate_target(const struct relocate_instruction *in, uint64_t *ret_target);
bool relocate_is_branch(const struct relocate_instruction *in); /* a relative one, calls included */
bool relocate_is_call(const struct relocate_instruction *in);
bool relocate_falls_through(const struct relocate_instruction *in);
/* Fills code, code_bytes, fixups and fixup_count. NULL, or the clause that says why not. */
const char *relocate_move(const struct relocate_displaced *displaced, struct wire_plan_entry *entry);

#endif
