/* SPDX-License-Identifier: MIT */
/*
 * identify_behaviour.c - finds a family's entries without names, in three walks: until there
 * is one maker and a free of its blocks; over the family's own candidates for all kinds;
 * and, while something is missing, over what reaches into the family from outside, what
 * shares its data, and what lies beside it. A walk ends when the set is complete and 24 in a
 * row were nothing.
 */
#include "identify_search.h"

#include <errno.h>
#include <stdlib.h>

#define MISSES_MAX 24
#define MALLCTLS_MAX 24
#define NEIGHBOURS 32
#define CALLED_MAX 64 /* of all hints together */
#define SMALL_PROGRAM 2000 /* functions; each is called in half a millisecond */
#define WRAPPER_CALLEES 4
#define FIRST_WALK (IDENTIFY_MAKERS | IDENTIFY_FREES)
#define FULL_WALK (IDENTIFY_MAKERS | IDENTIFY_FREES | IDENTIFY_RESIZERS | IDENTIFY_BIT(USABLE_SIZE) | IDENTIFY_BIT(XALLOCX) | \
		   IDENTIFY_BIT(VALLOC))
#define JEMALLOC_ONLY (IDENTIFY_BIT(MALLOCX) | IDENTIFY_BIT(RALLOCX) | IDENTIFY_BIT(XALLOCX))

struct walk {
	const struct candidate *list;
	size_t count;
	bool *makes_nothing; /* of each: its tests as a maker have been made */
};

static struct identify_nominee nominee(const struct candidate *c, uint64_t kinds)
{
	return (struct identify_nominee){ .address = c->address, .kinds = kinds, .references = c->references,
					  .found = WIRE_FOUND_BEHAVIOUR };
}

static uint64_t kinds_of(const struct identify_search *s, uint64_t kinds)
{
	return s->family == WIRE_FAMILY_JEMALLOC ? kinds : kinds & ~JEMALLOC_ONLY;
}

/* Who came before a maker hasn't been tried with its blocks; the free is often the first. */
static void walk_back(struct identify_search *s, const struct walk *w, size_t end)
{
	for (size_t i = 0; i < end && s->error == 0 && !identify_search_has_pair(s); i++) {
		struct identify_nominee n = nominee(&w->list[i], IDENTIFY_FREES);
		identify_search_try(s, &n);
	}
}

static void walk_to_pair(struct identify_search *s, const struct walk *w)
{
	for (size_t i = 0; i < w->count && s->error == 0 && !identify_search_has_pair(s); i++) {
		struct identify_nominee n = nominee(&w->list[i], kinds_of(s, FIRST_WALK));
		w->makes_nothing[i] = !identify_search_try(s, &n);
		if (!w->makes_nothing[i])
			walk_back(s, w, i);
	}
}

static void walk_all(struct identify_search *s, struct walk *w, uint64_t kinds)
{
	unsigned misses = 0;
	for (size_t i = 0; i < w->count && s->error == 0; i++) {
		const struct candidate *c = &w->list[i];
		uint64_t wanted = w->makes_nothing && w->makes_nothing[i] ? kinds & ~IDENTIFY_MAKERS : kinds;
		struct identify_nominee n = nominee(c, wanted);
		if (c->popular || identify_search_has(s, c->address))
			continue;
		misses = identify_search_try(s, &n) ? 0 : misses + 1;
		if (misses >= MISSES_MAX && identify_search_is_complete(s))
			return;
	}
}

static int walk_from_nothing(struct identify_search *s, struct walk *w)
{
	w->makes_nothing = calloc(w->count + 1, sizeof *w->makes_nothing);
	if (!w->makes_nothing)
		return -ENOMEM;
	walk_to_pair(s, w);
	if (identify_search_has_pair(s)) {
		identify_search_keep_group(s);
		walk_all(s, w, kinds_of(s, FULL_WALK));
	}
	free(w->makes_nothing);
	return 0;
}

static int walk_family(struct identify_search *s, struct candidates *c)
{
	struct walk w = { 0 };
	int err = candidates_list(c, s->family, &w.list, &w.count);
	return err != 0 ? err : walk_from_nothing(s, &w);
}

/* A program's own wrapper does as well as what it wraps, until somebody calls that itself. */
static void walk_callees(struct identify_search *s, struct candidates *c)
{
	uint64_t callees[WRAPPER_CALLEES];
	for (size_t i = 0; i < s->count && s->error == 0; i++) {
		size_t n = candidates_callees(c, s->found[i].address, callees, WRAPPER_CALLEES);
		for (size_t k = 0; k < n && n <= WRAPPER_CALLEES; k++) {
			struct identify_nominee callee = { .address = callees[k], .kinds = 1ull << s->found[i].kind,
						       .found = WIRE_FOUND_BEHAVIOUR };
			callee.references = candidates_references(c, callee.address);
			identify_search_try_wrapped(s, i, &callee);
		}
	}
}

/* A small program may lie among its allocator's functions, so that there is no outside. */
static int walk_small_program(struct identify_search *s, struct image *im, struct candidates *c)
{
	const struct image_function *functions;
	size_t total;
	struct walk w = { 0 };
	int err = image_functions(im, &functions, &total);
	if (err != 0 || total > SMALL_PROGRAM)
		return err;
	err = candidates_by_way(c, &w.list, &w.count);
	if (err == 0)
		err = walk_from_nothing(s, &w);
	if (err == 0)
		walk_callees(s, c);
	return err;
}

static void walk_related(struct identify_search *s, struct candidates *c)
{
	uint64_t entries[IDENTIFY_FOUND_MAX];
	struct walk w = { 0 };
	for (size_t i = 0; i < s->count; i++)
		entries[i] = s->found[i].address;
	if (candidates_related(c, s->family, entries, s->count, &w.list, &w.count) == 0)
		walk_all(s, &w, kinds_of(s, FULL_WALK));
}

/* One source file's functions are neighbours, where no linker has sorted them by use. */
static void walk_neighbours(struct identify_search *s, struct image *im, struct candidates *c)
{
	const struct image_function *functions;
	size_t total, known = s->count;
	if (image_functions(im, &functions, &total) != 0)
		return;
	for (int64_t distance = 1; distance <= NEIGHBOURS && s->error == 0; distance++)
		for (size_t i = 0; i < 2 * known && !identify_search_is_complete(s); i++) {
			int64_t at = image_function_at(im, s->found[i / 2].address);
			int64_t other = i % 2 ? at - distance : at + distance;
			if (at < 0 || other < 0 || (size_t)other >= total || functions[other].fragment)
				continue;
			struct identify_nominee n = { .address = functions[other].start, .kinds = kinds_of(s, FULL_WALK),
						      .found = WIRE_FOUND_BEHAVIOUR };
			n.references = candidates_references(c, n.address);
			if (n.references)
				identify_search_try(s, &n);
		}
}

static bool try_hint(struct identify_search *s, uint64_t address, uint32_t references)
{
	struct identify_nominee n = { .address = address, .kinds = kinds_of(s, FULL_WALK), .references = references,
				      .found = WIRE_FOUND_BEHAVIOUR };
	return identify_search_try(s, &n);
}

/* Who frees a block that nobody made is an entry itself, or called the one that made it. */
static void walk_called(struct identify_search *s, struct image *im, const bool *is_caller)
{
	const struct image_reference *list;
	size_t count, tried = 0;
	if (image_references(im, &list, &count) != 0)
		return;
	for (size_t i = 0, next; i < count && tried < CALLED_MAX && s->error == 0; i = next) {
		bool is_called = false;
		for (next = i; next < count && list[next].target == list[i].target; next++)
			is_called |= list[next].kind == IMAGE_CALL && list[next].from != UINT32_MAX && is_caller[list[next].from];
		if (!is_called || !image_is_code(im, list[i].target) || identify_search_has(s, list[i].target))
			continue;
		try_hint(s, list[i].target, (uint32_t)(next - i));
		tried++;
	}
}

static void walk_hints(struct identify_search *s, struct image *im, const uint64_t *hints, size_t count)
{
	const struct image_function *functions;
	size_t total;
	if (!count || image_functions(im, &functions, &total) != 0)
		return;
	bool *is_caller = calloc(total, sizeof *is_caller);
	for (size_t i = 0; i < count && is_caller && s->error == 0; i++) {
		int64_t f = image_function_at(im, hints[i] - 1); /* a call may be a function's last instruction */
		if (f < 0 || (size_t)f >= total || is_caller[f])
			continue;
		is_caller[f] = true;
		try_hint(s, functions[f].start, 1);
	}
	if (is_caller)
		walk_called(s, im, is_caller);
	free(is_caller);
}

static void find_mallctl(struct identify_search *s, struct candidates *c)
{
	const struct candidate *list;
	size_t count;
	if (s->family != WIRE_FAMILY_JEMALLOC || candidates_mallctl(c, &list, &count) != 0)
		return;
	for (size_t i = 0; i < count && i < MALLCTLS_MAX && s->error == 0; i++) {
		struct identify_nominee n = nominee(&list[i], IDENTIFY_BIT(MALLCTL));
		if (identify_search_try(s, &n))
			return;
	}
}

/* There is a beginning: what is missing? */
static void walk_on(struct identify_search *s, struct image *im, struct candidates *c)
{
	struct walk outside = { 0 };
	bool has_outside = candidates_outside(c, s->family, &outside.list, &outside.count) == 0;
	if (!identify_search_is_complete(s) && has_outside)
		walk_all(s, &outside, kinds_of(s, FULL_WALK));
	if (!identify_search_is_complete(s))
		walk_related(s, c);
	if (!identify_search_is_complete(s))
		walk_neighbours(s, im, c);
	if (!identify_search_is_complete(s) && has_outside)
		walk_all(s, &outside, IDENTIFY_CTX);
}

int identify_behaviour(struct identify_search *s, struct image *im, struct candidates *c,
		       const uint64_t *hints, size_t hint_count)
{
	int err = walk_family(s, c);
	if (err != 0)
		return err;
	if (identify_search_has_pair(s))
		walk_on(s, im, c);
	else
		err = walk_small_program(s, im, c);
	if (err == 0 && identify_search_has_pair(s))
		walk_hints(s, im, hints, hint_count);
	if (err == 0 && identify_search_has_pair(s))
		find_mallctl(s, c);
	return err;
}
