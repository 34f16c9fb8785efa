/* SPDX-License-Identifier: MIT */
/*
 * Entry points that lie elsewhere (DESIGN 4, rules 5, 6 and 12). Linkers sort hot functions to
 * the front and C++ wrappers inline fast paths: such an entry still goes to its slow path
 * inside the family's range by a door that few others use (a), or shares with its siblings
 * a table or a helper that few others use (b).
 */
#include "candidates_private.h"

#include <errno.h>
#include <stdlib.h>

#define DOOR_USERS_MAX 8
#define DATA_USERS_MAX 96
#define CALLEE_USERS_MAX 16
#define LIST_MAX 1024
#define MALLCTL_MAX 32

static bool is_branch(const struct image_reference *r)
{
	return r->kind == IMAGE_CALL || r->kind == IMAGE_JUMP;
}

static void mark_callers_from_outside(struct candidates *c, uint64_t target, const uint8_t *members)
{
	size_t first, end = candidates_references_to(c, target, &first);
	for (size_t i = first; i < end; i++) {
		const struct image_reference *r = &c->references[i];
		if (is_branch(r) && r->from < c->function_count && !members[r->from])
			c->marks[r->from] = MARK_CANDIDATE;
	}
}

int candidates_outside(struct candidates *c, enum wire_family family, const struct candidate **ret_list, size_t *ret_count)
{
	if ((unsigned)family >= WIRE_FAMILIES)
		return -EINVAL;
	struct candidates_family *s = &c->families[family];
	if (!s->outside) {
		const uint8_t *members = candidates_members(c, family);
		for (size_t f = 0; members && f < c->function_count; f++)
			if (members[f] && candidates_users(c, c->functions[f].start, members, true, DOOR_USERS_MAX) <= DOOR_USERS_MAX)
				mark_callers_from_outside(c, c->functions[f].start, members);
		int rc = candidates_keep_marked(c, LIST_MAX, &s->outside, &s->outside_count);
		if (rc < 0)
			return rc;
	}
	*ret_list = s->outside;
	*ret_count = s->outside_count;
	return 0;
}

static void mark_users(struct candidates *c, uint64_t target)
{
	size_t first, end = candidates_references_to(c, target, &first);
	for (size_t i = first; i < end; i++)
		if (c->references[i].from < c->function_count)
			c->marks[c->references[i].from] = MARK_CANDIDATE;
}

static void mark_related(struct candidates *c, size_t entry)
{
	for (uint32_t i = c->first_out[entry]; i < c->first_out[entry + 1]; i++) {
		const struct image_reference *r = &c->references[c->out[i]];
		size_t limit = is_branch(r) ? CALLEE_USERS_MAX : DATA_USERS_MAX;
		if (candidates_users(c, r->target, NULL, false, limit) <= limit)
			mark_users(c, r->target);
	}
}

int candidates_related(struct candidates *c, enum wire_family family, const uint64_t *entries, size_t entry_count,
		       const struct candidate **ret_list, size_t *ret_count)
{
	for (size_t i = 0; i < entry_count; i++) {
		int64_t f = image_function_at(c->im, entries[i]);
		if (f >= 0)
			mark_related(c, (size_t)f);
	}
	for (size_t i = 0; i < entry_count; i++) {
		int64_t f = image_function_at(c->im, entries[i]);
		if (f >= 0)
			c->marks[f] = 0;
	}
	return candidates_keep_marked(c, LIST_MAX, ret_list, ret_count);
}

/* ---- mallctl ------------------------------------------------------------------------ */

/* Printing statistics calls mallctl for every figure, and says so when it fails. */
static const char *const failures[] = { "<jemalloc>: Failure in xmallctl", "<jemalloc>: Failure in mallctl" };

struct callee { uint64_t address; uint32_t calls; };

static int by_calls(const void *a, const void *b)
{
	const struct callee *x = a, *y = b;
	if (x->calls != y->calls)
		return x->calls > y->calls ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* How often marked functions call each of their callees; the marks are taken off. */
static size_t count_callees(struct candidates *c, struct callee *callees)
{
	size_t n = 0;
	for (size_t i = 0; i < c->reference_count; i++) {
		const struct image_reference *r = &c->references[i];
		if (!is_branch(r) || r->from >= c->function_count || !c->marks[r->from])
			continue;
		if (n == 0 || callees[n - 1].address != r->target)
			callees[n++] = (struct callee){ r->target, 0 };
		callees[n - 1].calls++;
	}
	for (size_t f = 0; f < c->function_count; f++)
		c->marks[f] = 0;
	return n;
}

static size_t call_count(const struct candidates *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->reference_count; i++)
		n += is_branch(&c->references[i]) && c->references[i].from < c->function_count && c->marks[c->references[i].from];
	return n;
}

int candidates_mallctl(struct candidates *c, const struct candidate **ret_list, size_t *ret_count)
{
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		candidates_mark_users_of_text(c, failures[i]);
	struct callee *callees = calloc(call_count(c) + 1, sizeof *callees);
	bool is_full = c->list_count == CANDIDATES_LISTS_MAX;
	struct candidate *list = is_full ? NULL : calloc(MALLCTL_MAX, sizeof *list);
	size_t n = callees ? count_callees(c, callees) : 0;
	if (!callees || !list) {
		free(callees);
		free(list);
		return -ENOMEM;
	}
	qsort(callees, n, sizeof *callees, by_calls);
	n = n < MALLCTL_MAX ? n : MALLCTL_MAX;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct candidate){ callees[i].address, candidates_references(c, callees[i].address), false };
	free(callees);
	c->lists[c->list_count++] = list;
	*ret_list = list;
	*ret_count = n;
	return 0;
}
