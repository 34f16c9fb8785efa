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
#define TEXTS_MAX 4

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

void candidates_mark_users_of_text(struct candidates *c, const char *text)
{
	uint64_t at = 0;
	for (; image_find_text(c->im, text, at, &at) == 0; at++) {
		size_t first, end = candidates_references_to(c, at, &first);
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
	uint8_t *members;
	struct cluster window;
	uint32_t *queue; /* each function once */
	size_t tail;
};

static void visit(struct walk *w, int64_t f)
{
	if (f < (int64_t)w->window.first || f > (int64_t)w->window.last || w->members[f])
		return;
	w->members[f] = 1;
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
	for (size_t i = first; i < end; i++) {
		uint32_t from = c->references[i].from;
		if (from != UINT32_MAX && (from < w->window.first || from > w->window.last))
			return;
	}
	for (size_t i = first; i < end; i++)
		if (c->references[i].from != UINT32_MAX)
			visit(w, c->references[i].from);
}

/* From the members of the cluster; the queue has room for all functions. */
static void walk_calls(struct candidates *c, struct cluster k, size_t window, const uint8_t *anchors, uint8_t *members, uint32_t *queue)
{
	struct walk w = { .c = c, .members = members, .window = widened(c, k, window), .queue = queue };
	for (size_t f = k.first; f <= k.last; f++)
		if (anchors[f])
			visit(&w, (int64_t)f);
	for (size_t head = 0; head < w.tail; head++) {
		walk_down(&w, queue[head]);
		walk_up(&w, queue[head]);
	}
}

/* ---- members ---------------------------------------------------------------------- */

static void find_members(struct candidates *c, const struct family *f, uint8_t *members, uint8_t *anchors, uint32_t *queue)
{
	struct cluster k;
	for (size_t i = 0; i < TEXTS_MAX && f->texts[i]; i++)
		candidates_mark_users_of_text(c, f->texts[i]);
	memcpy(anchors, c->marks, c->function_count);
	for (size_t at = 0; next_cluster(c, &at, &k);) {
		if (f->window) {
			walk_calls(c, k, f->window, anchors, members, queue);
			continue;
		}
		k = widened(c, k, f->widen);
		memset(members + k.first, 1, k.last - k.first + 1);
	}
}

const uint8_t *candidates_members(struct candidates *c, enum wire_family family)
{
	struct candidates_family *s = &c->families[family];
	if (s->is_ranged)
		return s->members;
	uint8_t *members = calloc(c->function_count, 1), *anchors = calloc(c->function_count, 1);
	uint32_t *queue = calloc(c->function_count, sizeof *queue);
	if (members && anchors && queue)
		find_members(c, &families[family], members, anchors, queue);
	free(anchors);
	free(queue);
	s->is_ranged = true;
	s->members = members;
	return members;
}
