/* SPDX-License-Identifier: MIT */
/*
 * identify_search.h - what is known so far of one family in one image, and how it grows:
 * nominees are tested in the throwaway process, what they turn out to be becomes known, and
 * is used to test the next.
 *
 * An entry that makes blocks is confirmed once a known free takes what it makes; a free is
 * known only by what it takes. In the end the largest group that fits together stays.
 */
#ifndef MEMWHY_IDENTIFY_SEARCH_H
#define MEMWHY_IDENTIFY_SEARCH_H

#include "candidates.h"
#include "identify_process.h"

#define IDENTIFY_FOUND_MAX WIRE_PLAN_ENTRIES

#define IDENTIFY_BIT(kind) (1ull << WIRE_ENTRY_##kind)
#define IDENTIFY_MAKERS (IDENTIFY_BIT(MALLOC) | IDENTIFY_BIT(MALLOCX) | IDENTIFY_BIT(MALLOC_ALIGNED) | \
			 IDENTIFY_BIT(CALLOC) | IDENTIFY_BIT(CALLOC_ALIGNED) | IDENTIFY_BIT(ALIGNED_ALLOC) | \
			 IDENTIFY_BIT(POSIX_MEMALIGN))
/* Their blocks move when a realloc is told their true size: it would look like a free. */
#define IDENTIFY_PAGE_MAKERS (IDENTIFY_BIT(VALLOC) | IDENTIFY_BIT(PVALLOC))
#define IDENTIFY_RESIZERS (IDENTIFY_BIT(REALLOC) | IDENTIFY_BIT(RALLOCX) | IDENTIFY_BIT(REALLOC_ALIGNED))
#define IDENTIFY_FREES IDENTIFY_BIT(FREE)
#define IDENTIFY_CTX_MAKERS (IDENTIFY_BIT(CTX_MALLOC) | IDENTIFY_BIT(CTX_CALLOC))
#define IDENTIFY_CTX (IDENTIFY_BIT(CTX_MALLOC) | IDENTIFY_BIT(CTX_FREE) | IDENTIFY_BIT(CTX_REALLOC_OLD))
#define IDENTIFY_ALL_MAKERS (IDENTIFY_MAKERS | IDENTIFY_CTX_MAKERS | IDENTIFY_PAGE_MAKERS)

struct identify_found {
	uint64_t address;
	uint32_t references;
	uint8_t kind, family, found; /* found: enum wire_found */
	bool confirmed;     /* a maker: see above. Others: always */
	uint64_t takes[2];  /* a free: of found[i] the blocks; IDENTIFY_FOUND_MAX bits */
};

struct identify_search {
	struct identify_process *process; /* borrowed */
	uint8_t family;
	uint64_t context;      /* function that makes the context argument, where one is named */
	char version[32];
	unsigned tested;       /* nominees */
	int error;             /* of the process: 0, or why it can't go on */
	size_t count;
	struct identify_found found[IDENTIFY_FOUND_MAX];
};

struct identify_nominee {
	uint64_t address;
	uint64_t kinds;        /* to be tried */
	uint32_t references;
	uint8_t found;
};

/* Tests a nominee; true: it was found to be something. */
bool identify_search_try(struct identify_search *s, const struct identify_nominee *n);
/* Likewise what found[outer] calls; it stays only if every call of found[outer] comes to it. */
void identify_search_try_wrapped(struct identify_search *s, size_t outer, const struct identify_nominee *n);
bool identify_search_has(const struct identify_search *s, uint64_t address);
/* A maker and a free of its blocks. */
bool identify_search_has_pair(const struct identify_search *s);
/* Has an entry for making, zeroing, resizing and freeing, each used at least twice. */
bool identify_search_is_complete(const struct identify_search *s);
/* Drops what does not belong to the largest group. */
void identify_search_keep_group(struct identify_search *s);
/* The same, and outer functions whose every call comes to another entry (rule 10). */
void identify_search_settle(struct identify_search *s);

/* identify_behaviour.c: finds a family's entries without names. 0 or -errno; nothing found
 * is no error. */
int identify_behaviour(struct identify_search *s, struct image *im, struct candidates *c,
		       const uint64_t *hints, size_t hint_count);

#endif
