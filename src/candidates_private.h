/* SPDX-License-Identifier: MIT */
/*
 * candidates_private.h - how the files candidates*.c share what they know of one image:
 * its functions, references by target (the image's own order) and by origin, and for each
 * family which functions are its own ("members").
 */
#ifndef MEMWHY_CANDIDATES_PRIVATE_H
#define MEMWHY_CANDIDATES_PRIVATE_H

#include "candidates.h"

#define CANDIDATES_LISTS_MAX 64 /* made and kept for one image, answers of closures included */

struct candidates_family {
	bool is_ranged;        /* members were looked for */
	uint8_t *members;      /* by function; NULL: none */
	const struct candidate *list, *outside;
	size_t list_count, outside_count;
};

struct candidates {
	struct image *im;
	const struct image_function *functions;
	size_t function_count;
	const struct image_reference *references;
	size_t reference_count;
	uint32_t *first_in;    /* by function: its first reference, and where the next's begin */
	uint32_t *counts;      /* by function: references from others */
	uint32_t *first_out;   /* by function, and one more: into out[] */
	uint32_t *out;         /* indices of references by origin */
	uint8_t *marks;        /* by function: scratch, all zero between calls */
	struct candidates_family families[WIRE_FAMILIES];
	struct candidate *lists[CANDIDATES_LISTS_MAX];
	size_t list_count;
};

/* The references to this address, [*ret_first, returned). */
size_t candidates_references_to(const struct candidates *c, uint64_t target, size_t *ret_first);
/* The function that this reference's target starts, or -1. */
int64_t candidates_target(const struct candidates *c, const struct image_reference *r);
/* How many functions refer to it, counted up to limit + 1; member functions are left out
 * where members is not NULL, and whoever only takes the address where calls_only. */
size_t candidates_users(const struct candidates *c, uint64_t target, const uint8_t *members, bool calls_only, size_t limit);
/* Members of the family, NULL when it has none here. */
const uint8_t *candidates_members(struct candidates *c, enum wire_family family);
/* Is its range found by a walk along calls, and the image so small that it may take in too much? */
bool candidates_is_vague(const struct candidates *c, enum wire_family family);
/* Marks the functions that use a text which begins with `text` and then with `beginning`. */
void candidates_mark_users_of_text(struct candidates *c, const char *text, const char *beginning);

/* The marked functions as a list of c, best first, and no mark is left. At most max. */
int candidates_keep_marked(struct candidates *c, size_t max, const struct candidate **ret_list, size_t *ret_count);
enum { MARK_CANDIDATE = 1, MARK_POPULAR /* and nothing else */, MARK_WRAPPER /* of a candidate, or wrapped by one */ };
void candidates_mark_popular(struct candidates *c);

#endif
