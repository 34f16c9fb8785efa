/* SPDX-License-Identifier: MIT */
/*
 * size_class.h - what an allocator takes for a size, by arithmetic: in a stripped program
 * there is often no malloc_usable_size to ask. Pure.
 *
 * jemalloc and mimalloc share their classes: 8, then multiples of 16 up to 64, then four to a
 * doubling. They differ in what an alignment does and, above a limit that depends on the
 * version, in mimalloc's blocks that are a page run of their own.
 */
#ifndef MEMWHY_SIZE_CLASS_H
#define MEMWHY_SIZE_CLASS_H

#include "../src/wire_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct size_rules {
	uint32_t family;          /* enum wire_family */
	uint32_t version;         /* from this one on: major * 10000 + minor * 100 + patch */
	uint32_t plain_alignment; /* alignments up to this one change nothing */
	bool aligned_varies;      /* an aligned block's usable size depends on more than its arguments */
	bool keeps_in_place;      /* a realloc that stays where it is may keep a larger class */
	/* Usable bytes of a block of n bytes (0 too); 0 where there is no such block. */
	size_t (*plain)(const struct size_rules *rules, size_t n);
	/* Likewise, a power of two above plain_alignment; where it varies, the most that it can be. */
	size_t (*aligned)(const struct size_rules *rules, size_t n, size_t alignment);
	size_t class_max;         /* the largest size that has a class; larger ones are runs */
	size_t natural_max;       /* blocks up to this size lie on multiples of their class */
	size_t run_small, run_large; /* runs are multiples of these (up to and above run_large) */
	size_t run_head;          /* of the run, not of the block */
};

/* NULL: no arithmetic is known for the family. version: "5.3.0-..." or "", which stands for
 * the version that is met most. */
const struct size_rules *size_rules_find(uint32_t family, const char *version);

/* Usable sizes of 0, 1..8, 9..16, ... up to SIZE_TABLE_MAX bytes: classes are multiples of 8. */
#define SIZE_TABLE_MAX 16384u
#define SIZE_TABLE_ENTRIES (SIZE_TABLE_MAX / 8 + 1)
static inline size_t size_table_index(size_t n)
{
	return (n + 7) / 8;
}
void size_rules_fill_table(const struct size_rules *rules, uint16_t *ret_table);

static inline size_t size_rules_usable(const struct size_rules *rules, size_t n, size_t alignment)
{
	return alignment <= rules->plain_alignment ? rules->plain(rules, n) : rules->aligned(rules, n, alignment);
}

#endif
