/* SPDX-License-Identifier: MIT */
/*
 * unwind_private.h - between unwind.c, which walks, unwind_cfi.c, which reads tables, and
 * unwind_module.c, which finds them.
 *
 * A rule: kind(3) | bp(2) | - | bp offset / 8 (16, signed) | CFA offset (32, signed).
 */
#ifndef MEMWHY_UNWIND_PRIVATE_H
#define MEMWHY_UNWIND_PRIVATE_H

#include "unwind.h"

enum unwind_kind {
	RULE_ABSENT,
	RULE_SP,        /* CFA = rsp + offset */
	RULE_BP,        /* CFA = rbp + offset */
	RULE_BP_LOAD,   /* CFA = what is at rbp + offset: functions that align their stack */
	RULE_SIGNAL,    /* registers from the ucontext at rsp */
	RULE_OUTERMOST,
	RULE_NO_TABLES
};
enum unwind_bp { BP_SAME, BP_AT_CFA, BP_AT_BP };

static inline uint64_t rule_make(enum unwind_kind kind, int32_t offset, enum unwind_bp bp, int16_t bp_offset_words)
{
	return (uint64_t)kind | (uint64_t)bp << 3 | (uint64_t)(uint16_t)bp_offset_words << 16 |
	       (uint64_t)(uint32_t)offset << 32;
}

static inline enum unwind_kind rule_kind(uint64_t rule) { return (enum unwind_kind)(rule & 7); }
static inline enum unwind_bp rule_bp(uint64_t rule) { return (enum unwind_bp)(rule >> 3 & 3); }
static inline int64_t rule_bp_offset(uint64_t rule) { return (int64_t)(int16_t)(rule >> 16) * 8; }
static inline int64_t rule_offset(uint64_t rule) { return (int32_t)(rule >> 32); }

/* Where an address's rule is kept; its key there: what is wanted, ^ rule * SLOT_MIX. */
#define SLOT_MIX 0x9e3779b97f4a7c15ull
#define ADDRESS_BITS 48
_Static_assert(UNWIND_RULES == 1u << (64 - 48), "the hash is as wide as the table");

static inline struct unwind_slot *slot_of(struct unwind_slot *table, uintptr_t ip) { return &table[ip * SLOT_MIX >> 48]; }
static inline uint64_t slot_wanted(uintptr_t ip, uint64_t generation) { return ip ^ generation << ADDRESS_BITS; }

/* A loaded object, and the readable segment that holds its tables. */
struct unwind_module {
	uintptr_t start, end;         /* of the object */
	uintptr_t low, high;          /* of the segment; only this may be read */
	uintptr_t header;             /* .eh_frame_hdr, inside the segment */
};

/* Looks up what is needed to find modules later. May take the loader's lock. */
void unwind_module_start(void);
/* False: the address is in no loaded object, or that has no tables. */
bool unwind_module_find(uintptr_t address, struct unwind_module *ret);
/* The address lies behind a call instruction in a loaded object's code. */
bool unwind_module_is_return(uintptr_t address);
/* The rule for an address; RULE_NO_TABLES where there is none or it does not fit. */
uint64_t unwind_cfi_rule(const struct unwind_module *m, uintptr_t address);

#endif
