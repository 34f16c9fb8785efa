/* SPDX-License-Identifier: MIT */
/*
 * Candidates by the way to them. In a small program whose own code lies among its
 * allocator's nothing tells them apart but this: the allocator's entries are a few calls
 * from the program's start, and its own functions are behind them. And what a small entry
 * calls may be the entry that it wraps.
 */
#include "candidates_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_AT 24 /* of e_entry in an ELF header */
#define DISTANCE_MAX 200u
#define MAIN_AT 2u /* where the start is at 1: main and its like, called by nobody else */
#define LIST_MAX 4096

struct way { struct candidates *c; uint8_t *distances; uint32_t *queue; size_t tail; };

/* The header is a part of the first segment, where it is in memory at all. */
static int64_t first_function(const struct candidates *c)
{
	uint64_t entry, low = image_low(c->im);
	const uint8_t *head = image_bytes(c->im, low, ENTRY_AT + sizeof entry);
	if (!head || memcmp(head, "\177ELF", 4))
		return -1;
	memcpy(&entry, head + ENTRY_AT, sizeof entry);
	return image_function_at(c->im, entry);
}

static void reach(struct way *w, int64_t f, uint8_t distance)
{
	if (f < 0 || w->distances[f])
		return;
	w->distances[f] = distance;
	w->queue[w->tail++] = (uint32_t)f;
}

/* The start takes main's address; at a fixed one by a number that no pass over the text sees. */
static void reach_main(struct way *w, int64_t first)
{
	const struct image_function *f = first < 0 ? NULL : &w->c->functions[first];
	const uint8_t *bytes = f ? image_bytes(w->c->im, f->start, f->end - f->start) : NULL;
	uint32_t value;
	for (uint64_t at = 0; bytes && at + sizeof value <= f->end - f->start; at++) {
		memcpy(&value, bytes + at, sizeof value);
		int64_t to = image_function_at(w->c->im, value);
		if (to >= 0 && w->c->functions[to].start == value)
			reach(w, to, MAIN_AT);
	}
}

static void reach_all(struct way *w)
{
	const struct candidates *c = w->c;
	for (size_t head = 0; head < w->tail; head++) {
		uint32_t f = w->queue[head];
		uint8_t next = w->distances[f] < DISTANCE_MAX ? (uint8_t)(w->distances[f] + 1) : DISTANCE_MAX;
		for (uint32_t i = c->first_out[f]; i < c->first_out[f + 1]; i++)
			reach(w, candidates_target(c, &c->references[c->out[i]]), next);
	}
}

struct placed { struct candidate candidate; uint8_t distance; };

static int by_distance(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	if (x->candidate.references != y->candidate.references)
		return x->candidate.references > y->candidate.references ? -1 : 1;
	return (x->candidate.address > y->candidate.address) - (x->candidate.address < y->candidate.address);
}

/* The start and main are no entries; those that nothing leads to come last as well. */
static size_t place(const struct candidates *c, const uint8_t *distances, struct placed *list)
{
	size_t n = 0;
	for (size_t f = 0; f < c->function_count; f++)
		if (!c->functions[f].fragment && c->counts[f])
			list[n++] = (struct placed){ { c->functions[f].start, c->counts[f], false },
						     distances[f] > MAIN_AT ? distances[f] : UINT8_MAX };
	qsort(list, n, sizeof *list, by_distance);
	return n;
}

static int keep_placed(struct candidates *c, const struct placed *placed, size_t n, const struct candidate **ret_list)
{
	struct candidate *list = c->list_count == CANDIDATES_LISTS_MAX ? NULL : malloc((n + 1) * sizeof *list);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		list[i] = placed[i].candidate;
	c->lists[c->list_count++] = list;
	*ret_list = list;
	return 0;
}

int candidates_by_way(struct candidates *c, const struct candidate **ret_list, size_t *ret_count)
{
	size_t n = c->function_count + 1;
	struct way w = { c, calloc(n, 1), calloc(n, sizeof *w.queue), 0 };
	struct placed *placed = calloc(n, sizeof *placed);
	int err = w.distances && w.queue && placed ? 0 : -ENOMEM;
	if (err == 0) {
		reach(&w, first_function(c), 1);
		reach_main(&w, first_function(c));
		reach_all(&w);
		n = place(c, w.distances, placed);
		n = n < LIST_MAX ? n : LIST_MAX;
		err = keep_placed(c, placed, n, ret_list);
	}
	if (err == 0)
		*ret_count = n;
	free(w.distances);
	free(w.queue);
	free(placed);
	return err;
}

size_t candidates_callees(struct candidates *c, uint64_t address, uint64_t *ret_addresses, size_t max)
{
	int64_t f = image_function_at(c->im, address);
	size_t n = 0;
	for (uint32_t i = f < 0 ? 0 : c->first_out[f]; f >= 0 && i < c->first_out[f + 1]; i++) {
		const struct image_reference *r = &c->references[c->out[i]];
		bool branch = r->kind == IMAGE_CALL || r->kind == IMAGE_JUMP;
		if (!branch || candidates_target(c, r) < 0 || r->target == address || (n && ret_addresses[n - 1] == r->target))
			continue;
		if (n == max)
			return max + 1;
		ret_addresses[n++] = r->target; /* ascending: the same ones follow each other */
	}
	return n;
}
