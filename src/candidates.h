/* SPDX-License-Identifier: MIT */
/*
 * candidates.h - which functions of a stripped image may be entry points of an allocator,
 * best first (DESIGN 4, rules 3 to 7, 10 to 12). Pure: it reads an image and runs nothing;
 * what a candidate really does is found out by calling it (identify.h).
 */
#ifndef MEMWHY_CANDIDATES_H
#define MEMWHY_CANDIDATES_H

#include "image.h"
#include "wire_plan.h"

struct candidates;
struct candidate {
	uint64_t address;     /* a function's start */
	uint32_t references;  /* calls, jumps and takings from other functions, and pointers in data */
	bool popular;         /* from the whole image's most referenced: test as alloc and free only */
};

/* image: must outlive it. -ENODATA: the image has no function table. */
int candidates_create(struct image *im, struct candidates **ret_candidates);
void candidates_destroy(struct candidates *c);

/* Has the image a text that only this family's source has? (jemalloc "<jemalloc>", mimalloc
 * "mimalloc: ", tcmalloc ...) */
bool candidates_has_family(struct candidates *c, enum wire_family family);
/* The functions of the family's range that are called from outside it, and the image's most
 * referenced ones merged in, best first. The list belongs to c. */
int candidates_list(struct candidates *c, enum wire_family family, const struct candidate **ret_list, size_t *ret_count);
/* Closure (a), rule 5: functions outside the range that enter it by a rarely used door. */
int candidates_outside(struct candidates *c, enum wire_family family, const struct candidate **ret_list, size_t *ret_count);
/* Closure (b), rule 6: functions that share data or rare callees with these entries. */
int candidates_related(struct candidates *c, enum wire_family family, const uint64_t *entries, size_t entry_count,
		       const struct candidate **ret_list, size_t *ret_count);
/* Rule 12: perhaps jemalloc's mallctl. */
int candidates_mallctl(struct candidates *c, const struct candidate **ret_list, size_t *ret_count);
/* Does function outer call or jump to function inner, itself? (rule 10's cheap half) */
bool candidates_enters(struct candidates *c, uint64_t outer, uint64_t inner);
uint32_t candidates_references(struct candidates *c, uint64_t address);
/* All functions that are referred to, those first that are few calls from the program's start. */
int candidates_by_way(struct candidates *c, const struct candidate **ret_list, size_t *ret_count);
/* Starts of the functions that this one calls or jumps to. Returns how many; max + 1: more. */
size_t candidates_callees(struct candidates *c, uint64_t address, uint64_t *ret_addresses, size_t max);

#endif
