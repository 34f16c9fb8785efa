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
#include <string.h>

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
	uint64_t last = UINT64_MAX;
	for (uint32_t i = c->first_out[entry]; i < c->first_out[entry + 1]; i++) {
		const struct image_reference *r = &c->references[c->out[i]];
		if (r->target == last) /* ascending, too */
			continue;
		last = r->target;
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
static const char *const failures[] = { "<jemalloc>: Failure in xmallctl", "<jemalloc>: Failure in mallctl(" };

struct callee { uint64_t address; uint32_t calls; };

static int by_calls(const void *a, const void *b)
{
	const struct callee *x = a, *y = b;
	if (x->calls != y->calls)
		return x->calls > y->calls ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static int by_address(const void *a, const void *b)
{
	const struct callee *x = a, *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Every call of a marked function, or only their number where callees is NULL. */
static size_t collect_calls(const struct candidates *c, struct callee *callees)
{
	size_t n = 0;
	for (size_t f = 0; f < c->function_count; f++)
		for (uint32_t i = c->first_out[f]; c->marks[f] && i < c->first_out[f + 1]; i++) {
			const struct image_reference *r = &c->references[c->out[i]];
			if (is_branch(r) && callees)
				callees[n] = (struct callee){ r->target, 1 };
			n += is_branch(r);
		}
	return n;
}

/* One for each function that is called, with the number of its calls. */
static size_t join_calls(struct callee *callees, size_t count)
{
	size_t n = 0;
	qsort(callees, count, sizeof *callees, by_address);
	for (size_t i = 0; i < count; i++)
		if (n && callees[n - 1].address == callees[i].address)
			callees[n - 1].calls++;
		else
			callees[n++] = callees[i];
	qsort(callees, n, sizeof *callees, by_calls);
	return n;
}

static int list_callees(struct candidates *c, struct candidate *list, size_t *ret_count)
{
	struct callee *callees = calloc(collect_calls(c, NULL) + 1, sizeof *callees);
	if (!callees)
		return -ENOMEM;
	size_t n = join_calls(callees, collect_calls(c, callees));
	n = n < MALLCTL_MAX ? n : MALLCTL_MAX;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct candidate){ callees[i].address, candidates_references(c, callees[i].address), false };
	free(callees);
	*ret_count = n;
	return 0;
}

int candidates_mallctl(struct candidates *c, const struct candidate **ret_list, size_t *ret_count)
{
	struct candidate *list = c->list_count == CANDIDATES_LISTS_MAX ? NULL : calloc(MALLCTL_MAX, sizeof *list);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		candidates_mark_users_of_text(c, "<jemalloc>", failures[i]);
	int rc = list_callees(c, list, ret_count);
	memset(c->marks, 0, c->function_count);
	if (rc < 0) {
		free(list);
		return rc;
	}
	c->lists[c->list_count++] = list;
	*ret_list = list;
	return 0;
}
