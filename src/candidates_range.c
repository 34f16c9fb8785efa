/* SPDX-License-Identifier: MIT */
/*
 * Which functions are a family's own (DESIGN 4, rule 4). Its messages name those that use
 * them; those lie together, since an allocator is a few objects that are linked in a row.
 * jemalloc's messages are all over its source: everything between them is its own. mimalloc
 * has few: from those one goes along calls, down always, up only from functions that
 * nobody outside calls, for everybody calls free().
 */
#include "candidates_private.h"

#include <stdlib.h>
#include <string.h>

#define GAP_BYTES (512u << 10)
#define ROUNDS_MAX 32
#define SMALL_WINDOWS 4 /* a program of up to so many is a small one */
#define NEAR 64 /* functions */
#define TEXTS_MAX 4
#define FOREIGN_MIN 32 /* functions; more than twice what a range is widened by */
#define CALLERS_MAX 48 /* of a function to go up from: in a small program nobody is far outside */
#define PLACES_MAX 1024 /* of one text: jemalloc has 40 */

struct family {
	const char *texts[TEXTS_MAX]; /* beginnings of messages that only its source has */
	size_t widen;                 /* functions on each side of a cluster */
	size_t window;                /* 0: no walk; else how far one goes, in functions */
};

static const struct family families[WIRE_FAMILIES] = {
	[WIRE_FAMILY_JEMALLOC] = { { "<jemalloc>" }, 8, 0 },
	[WIRE_FAMILY_MIMALLOC] = { { "mimalloc: " }, 0, 1024 },
	[WIRE_FAMILY_TCMALLOC] = { { "tcmalloc: ", "TCMALLOC_" }, 0, 1024 },
};

struct cluster { size_t first, last; /* functions */ };

bool candidates_has_family(struct candidates *c, enum wire_family family)
{
	if ((unsigned)family >= WIRE_FAMILIES)
		return false;
	for (size_t i = 0; i < TEXTS_MAX && families[family].texts[i]; i++)
		if (image_has_text(c->im, families[family].texts[i]))
			return true;
	return false;
}

static bool begins_with(const struct candidates *c, uint64_t address, const char *beginning)
{
	size_t n = strlen(beginning);
	const uint8_t *at = image_bytes(c->im, address, n);
	return at && !memcmp(at, beginning, n);
}

void candidates_mark_users_of_text(struct candidates *c, const char *text, const char *beginning)
{
	uint64_t addresses[PLACES_MAX];
	size_t n = image_find_texts(c->im, text, addresses, PLACES_MAX);
	for (size_t t = 0; t < n; t++) {
		if (!begins_with(c, addresses[t], beginning))
			continue;
		size_t first, end = candidates_references_to(c, addresses[t], &first);
		for (size_t i = first; i < end; i++)
			if (c->references[i].from < c->function_count)
				c->marks[c->references[i].from] = MARK_CANDIDATE;
	}
}

/* The next run of marked functions without a gap, from *at on; takes the marks off. */
static bool next_cluster(struct candidates *c, size_t *at, struct cluster *ret)
{
	size_t i = *at;
	while (i < c->function_count && !c->marks[i])
		i++;
	if (i == c->function_count)
		return false;
	*ret = (struct cluster){ i, i };
	for (; i < c->function_count && c->functions[i].start - c->functions[ret->last].start <= GAP_BYTES; i++)
		if (c->marks[i]) {
			c->marks[i] = 0;
			ret->last = i;
		}
	*at = i;
	return true;
}

static struct cluster widened(const struct candidates *c, struct cluster k, size_t by)
{
	k.first -= k.first < by ? k.first : by;
	k.last += c->function_count - 1 - k.last < by ? c->function_count - 1 - k.last : by;
	return k;
}

/* ---- the walk -------------------------------------------------------------------- */

struct walk {
	struct candidates *c;
	uint8_t *reached;
	struct cluster window;
	uint32_t *queue; /* each function once */
	size_t tail;
};

static void visit(struct walk *w, int64_t f)
{
	if (f < (int64_t)w->window.first || f > (int64_t)w->window.last || w->reached[f])
		return;
	w->reached[f] = 1;
	w->queue[w->tail++] = (uint32_t)f;
}

static void walk_down(struct walk *w, uint32_t f)
{
	const struct candidates *c = w->c;
	for (uint32_t i = c->first_out[f]; i < c->first_out[f + 1]; i++)
		visit(w, candidates_target(c, &c->references[c->out[i]]));
}

static void walk_up(struct walk *w, uint32_t f)
{
	const struct candidates *c = w->c;
	size_t first, end = candidates_references_to(c, c->functions[f].start, &first);
	if (candidates_users(c, c->functions[f].start, NULL, false, CALLERS_MAX) > CALLERS_MAX)
		return;
	for (size_t i = first; i < end; i++) {
		uint32_t from = c->references[i].from;
		if (from != UINT32_MAX && (from < w->window.first || from > w->window.last))
			return;
	}
	for (size_t i = first; i < end; i++)
		if (c->references[i].from != UINT32_MAX)
			visit(w, c->references[i].from);
}

/* From the anchors of the cluster; the queue has room for all functions. */
static void walk_calls(struct walk *w, struct cluster k, const uint8_t *anchors, bool up)
{
	for (size_t f = k.first; f <= k.last; f++)
		if (anchors[f])
			visit(w, (int64_t)f);
	for (size_t head = 0; head < w->tail; head++) {
		walk_down(w, w->queue[head]);
		if (up)
			walk_up(w, w->queue[head]);
	}
}

static void forget(struct walk *w)
{
	for (size_t i = 0; i < w->tail; i++)
		w->reached[w->queue[i]] = 0;
	w->tail = 0;
}

static struct cluster span_of(const struct walk *w, struct cluster k)
{
	for (size_t i = 0; i < w->tail; i++) {
		k.first = w->queue[i] < k.first ? w->queue[i] : k.first;
		k.last = w->queue[i] > k.last ? w->queue[i] : k.last;
	}
	return k;
}

static bool is_small_for(const struct candidates *c, size_t window)
{
	return c->function_count <= SMALL_WINDOWS * window;
}

/* Of a small program such a window would have all, and nobody would be outside. There it is
 * a narrow one that grows with what is found in it. */
static void walk_both_ways(struct walk *w, struct cluster k, const uint8_t *anchors, size_t window)
{
	struct cluster found = k, last;
	bool is_small = is_small_for(w->c, window);
	unsigned round = 0;
	do {
		last = found;
		forget(w);
		w->window = widened(w->c, found, is_small ? NEAR : window);
		walk_calls(w, k, anchors, true);
		found = span_of(w, k);
	} while (is_small && ++round < ROUNDS_MAX && (found.first != last.first || found.last != last.last));
}

/* ---- foreign runs ------------------------------------------------------------------ */

static bool is_pointed_at(const struct candidates *c, size_t f)
{
	size_t first, end = candidates_references_to(c, c->functions[f].start, &first);
	return end > first && c->references[end - 1].from == UINT32_MAX; /* those come last */
}

/* In a small program its own code lies between two parts of the allocator (the cold one is
 * linked first), with no gap of bytes. But an allocator does not call the program: many
 * functions in a row that no anchor leads to are foreign, unless they are in tables. */
static bool is_foreign(const struct candidates *c, size_t from, size_t to)
{
	size_t pointed = 0;
	if (to - from < FOREIGN_MIN)
		return false;
	for (size_t f = from; f < to; f++)
		pointed += is_pointed_at(c, f);
	return pointed <= (to - from) / 2;
}

static void take_range(const struct candidates *c, const struct family *f, struct cluster k, const uint8_t *reached, uint8_t *members)
{
	struct cluster wide = widened(c, k, f->widen);
	memset(members + wide.first, 1, wide.last - wide.first + 1);
	for (size_t i = k.first + 1, last = k.first; i <= k.last; i++) {
		if (!reached[i])
			continue;
		if (is_foreign(c, last + 1, i))
			memset(members + last + 1 + f->widen, 0, i - last - 1 - 2 * f->widen);
		last = i;
	}
}

/* ---- members ---------------------------------------------------------------------- */

struct scratch { uint8_t *anchors, *reached; uint32_t *queue; };

static void find_members(struct candidates *c, const struct family *f, uint8_t *members, struct scratch *s)
{
	struct cluster k;
	for (size_t i = 0; i < TEXTS_MAX && f->texts[i]; i++)
		candidates_mark_users_of_text(c, f->texts[i], "");
	memcpy(s->anchors, c->marks, c->function_count);
	for (size_t at = 0; next_cluster(c, &at, &k);) {
		struct walk w = { .c = c, .reached = s->reached, .window = k, .queue = s->queue };
		if (f->window) {
			walk_both_ways(&w, k, s->anchors, f->window);
			for (size_t i = 0; i < w.tail; i++)
				members[s->queue[i]] = 1;
		} else {
			walk_calls(&w, k, s->anchors, false);
			take_range(c, f, k, s->reached, members);
		}
	}
}

bool candidates_is_vague(const struct candidates *c, enum wire_family family)
{
	return families[family].window && is_small_for(c, families[family].window);
}

const uint8_t *candidates_members(struct candidates *c, enum wire_family family)
{
	struct candidates_family *s = &c->families[family];
	if (s->is_ranged)
		return s->members;
	uint8_t *members = calloc(c->function_count, 1);
	struct scratch scratch = {
		calloc(c->function_count, 1), calloc(c->function_count, 1), calloc(c->function_count, sizeof *scratch.queue),
	};
	if (members && scratch.anchors && scratch.reached && scratch.queue)
		find_members(c, &families[family], members, &scratch);
	free(scratch.anchors);
	free(scratch.reached);
	free(scratch.queue);
	s->is_ranged = true;
	s->members = members;
	return members;
}
