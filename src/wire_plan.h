/* SPDX-License-Identifier: MIT */
/*
 * wire_plan.h - what memwhy and the probe tell each other about an allocator that is linked
 * into a module (an executable, or an object that is loaded later).
 *
 * memwhy reads the module's file, finds the allocator's entry points and writes a plan; the
 * probe verifies the plan's bytes against the module in memory and patches all entries or
 * none. All analysis and all disassembly is memwhy's: in the target there is nothing to do
 * but to copy bytes. Addresses are module addresses: those of the file's program headers
 * (p_vaddr); in memory they are higher by the module's load bias (dlpi_addr).
 */
#ifndef MEMWHY_WIRE_PLAN_H
#define MEMWHY_WIRE_PLAN_H

#include <stdint.h>

/* What an entry point does. All are System V calls with integer arguments, five at most.
 * p: a block (may be NULL), n: bytes, a: alignment, f: mallocx flags, c: a context or heap. */
enum wire_entry_kind {
	WIRE_ENTRY_NONE,
	WIRE_ENTRY_MALLOC,           /* (n)          also operator new, mi_zalloc */
	WIRE_ENTRY_CALLOC,           /* (count, n)   also mi_mallocn */
	WIRE_ENTRY_REALLOC,          /* (p, n)       n == 0 may free */
	WIRE_ENTRY_FREE,             /* (p, ...)     also dallocx, sdallocx, mi_free_size, operator delete */
	WIRE_ENTRY_POSIX_MEMALIGN,   /* (&p, a, n) -> errno */
	WIRE_ENTRY_ALIGNED_ALLOC,    /* (a, n)       also memalign */
	WIRE_ENTRY_MALLOC_ALIGNED,   /* (n, a)       mi_malloc_aligned, operator new(n, align_val_t) */
	WIRE_ENTRY_CALLOC_ALIGNED,   /* (count, n, a) */
	WIRE_ENTRY_REALLOC_ALIGNED,  /* (p, n, a) */
	WIRE_ENTRY_RECALLOC,         /* (p, count, n) */
	WIRE_ENTRY_MALLOCX,          /* (n, f) */
	WIRE_ENTRY_RALLOCX,          /* (p, n, f)    never frees */
	WIRE_ENTRY_XALLOCX,          /* (p, n, extra, f) -> usable; the block stays where it is */
	WIRE_ENTRY_CTX_MALLOC,       /* (c, n, ...)  also mi_heap_malloc, mi_heap_malloc_aligned */
	WIRE_ENTRY_CTX_CALLOC,       /* (c, count, n) */
	WIRE_ENTRY_CTX_REALLOC,      /* (c, p, n)    mi_heap_realloc */
	WIRE_ENTRY_CTX_REALLOC_OLD,  /* (c, p, old, n) */
	WIRE_ENTRY_CTX_FREE,         /* (c, p, n) */
	WIRE_ENTRY_VALLOC,           /* (n)          begins with a page */
	WIRE_ENTRY_PVALLOC,          /* (n)          whole pages: known by its name alone */
	WIRE_ENTRY_HOOKED,           /* from here on: called by the probe, not hooked */
	WIRE_ENTRY_USABLE_SIZE = WIRE_ENTRY_HOOKED, /* (p) -> bytes */
	WIRE_ENTRY_MALLCTL,          /* jemalloc's mallctl */
	WIRE_ENTRY_KINDS
};

enum wire_family {
	WIRE_FAMILY_NONE, WIRE_FAMILY_JEMALLOC, WIRE_FAMILY_MIMALLOC, WIRE_FAMILY_TCMALLOC,
	WIRE_FAMILY_OTHER, /* a malloc that is named so, and nobody knows whose */
	WIRE_FAMILIES
};

/* How an entry was found. */
enum wire_found { WIRE_FOUND_SYMBOL, WIRE_FOUND_BEHAVIOUR };

/* What became of a plan in the target. */
enum patch_result {
	PATCH_DONE,
	PATCH_OTHER_BYTES,  /* memory does not have what the plan expects: nothing was changed */
	PATCH_NO_ROOM,      /* no place for the island within 2 GiB */
	PATCH_DENIED,       /* the text can't be made writable, nor written otherwise */
	PATCH_BAD_PLAN,
	PATCH_UNDONE,       /* a later entry failed: all that was written was put back */
	PATCH_RESULTS
};

#define WIRE_PLAN_MAGIC   0x4e414c50u /* "PLAN" */
#define WIRE_PLAN_VERSION 2u
#define WIRE_PLAN_ENTRIES 96u
#define WIRE_PATCH_MAX    32u /* bytes of the function's start that are displaced */
#define WIRE_CODE_MAX     96u /* the same instructions, moved, and the jump back */
#define WIRE_FIXUPS_MAX   10u

/* A 4-byte relative field in code[]: add to it the difference of the two places. In the
 * island at I, field at I + at, its value is (target + load bias) - (I + next): stored, not
 * added. at + 4 <= code_bytes, next <= code_bytes. */
struct wire_fixup { uint16_t at, next; uint32_t pad; uint64_t target; };

struct wire_plan_entry {
	uint64_t address;       /* of the first byte that is overwritten (after an endbr64) */
	uint64_t function;      /* of the function itself */
	uint32_t kind;          /* enum wire_entry_kind */
	uint8_t family, found;
	uint8_t patch_bytes;    /* >= 5, all of them verified; 0: not hooked, only called */
	uint8_t code_bytes;
	uint8_t fixup_count, pad[7];
	uint8_t original[WIRE_PATCH_MAX];
	uint8_t code[WIRE_CODE_MAX]; /* runs the displaced instructions and goes on behind them */
	struct wire_fixup fixups[WIRE_FIXUPS_MAX];
};

struct wire_plan {
	uint32_t magic, version;
	uint32_t entry_count;
	uint32_t family_count;
	char family_versions[WIRE_FAMILIES][32]; /* "" where it could not be told */
	uint64_t low, high;     /* module addresses of its segments: where its entries may lie */
	struct wire_plan_entry entries[WIRE_PLAN_ENTRIES];
};

_Static_assert(sizeof(struct wire_fixup) == 16, "wire_fixup");
_Static_assert(sizeof(struct wire_plan_entry) == 320, "wire_plan_entry");

#endif
