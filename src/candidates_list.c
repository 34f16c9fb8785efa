/* SPDX-License-Identifier: MIT */
/*
 * Lists of candidates: functions are marked, then ranked. The rank is how often the whole
 * image refers to a function, for the first alloc and free are what everything else is tested
 * with, and nothing is called more often than they are.
 */
#include "candidates_private.h"

#include <errno.h>
#include <stdlib.h>

#define POPULAR 32
#define LIST_MAX 4096

static int by_rank(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->references != y->references)
		return x->references > y->references ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static size_t take_marked(struct candidates *c, struct candidate *list)
{
	size_t n = 0;
	for (size_t f = 0; f < c->function_count; f++) {
		if (c->marks[f])
			list[n++] = (struct candidate){ c->functions[f].start, c->counts[f], c->marks[f] == MARK_POPULAR };
		c->marks[f] = 0;
	}
	return n;
}

static size_t count_marked(const struct candidates *c)
{
	size_t n = 0;
	for (size_t f = 0; f < c->function_count; f++)
		n += c->marks[f] != 0;
	return n;
}

int candidates_keep_marked(struct candidates *c, size_t max, const struct candidate **ret_list, size_t *ret_count)
{
	bool is_full = c->list_count == CANDIDATES_LISTS_MAX;
	struct candidate *list = is_full ? NULL : malloc((count_marked(c) + 1) * sizeof *list);
	if (!list) {
		for (size_t f = 0; f < c->function_count; f++)
			c->marks[f] = 0;
		return -ENOMEM;
	}
	size_t n = take_marked(c, list);
	qsort(list, n, sizeof *list, by_rank);
	c->lists[c->list_count++] = list;
	*ret_list = list;
	*ret_count = n < max ? n : max;
	return 0;
}

void candidates_mark_popular(struct candidates *c)
{
	uint32_t best[POPULAR];
	size_t n = 0;
	for (size_t f = 0; f < c->function_count; f++) {
		if (!c->counts[f] || (n == POPULAR && c->counts[f] <= c->counts[best[n - 1]]))
			continue;
		size_t at = n < POPULAR ? n++ : n - 1;
		for (; at && c->counts[best[at - 1]] < c->counts[f]; at--)
			best[at] = best[at - 1];
		best[at] = (uint32_t)f;
	}
	for (size_t i = 0; i < n; i++)
		if (!c->marks[best[i]])
			c->marks[best[i]] = MARK_POPULAR;
}

static void mark_called_from_outside(struct candidates *c, const uint8_t *members)
{
	for (size_t f = 0; members && f < c->function_count; f++)
		if (members[f] && c->counts[f] && candidates_users(c, c->functions[f].start, members, false, 0))
			c->marks[f] = MARK_CANDIDATE;
}

/* In a small program a wrapper around an entry may have passed for a member, which hides the
 * entry: what a listed one enters is listed as well. */
static void mark_entered(struct candidates *c, const uint8_t *members)
{
	for (size_t f = 0; members && f < c->function_count; f++)
		for (uint32_t i = c->first_out[f]; c->marks[f] == MARK_CANDIDATE && i < c->first_out[f + 1]; i++) {
			int64_t to = candidates_target(c, &c->references[c->out[i]]);
			if (to >= 0 && members[to] && !c->marks[to])
				c->marks[to] = MARK_WRAPPER;
		}
}

int candidates_list(struct candidates *c, enum wire_family family, const struct candidate **ret_list, size_t *ret_count)
{
	if ((unsigned)family >= WIRE_FAMILIES)
		return -EINVAL;
	struct candidates_family *s = &c->families[family];
	if (!s->list) {
		mark_called_from_outside(c, candidates_members(c, family));
		if (candidates_is_vague(c, family))
			mark_entered(c, candidates_members(c, family));
		candidates_mark_popular(c);
		int rc = candidates_keep_marked(c, LIST_MAX, &s->list, &s->list_count);
		if (rc < 0)
			return rc;
	}
	*ret_list = s->list;
	*ret_count = s->list_count;
	return 0;
}
