/* SPDX-License-Identifier: MIT */
/*
 * Tables over an image's references, and the plain questions about them. References by
 * target are the image's own order; by origin they are counted and laid out once, since
 * walks and closures ask for both directions.
 */
#include "candidates_private.h"

#include <errno.h>
#include <stdlib.h>

static bool is_from(const struct candidates *c, const struct image_reference *r)
{
	return r->from < c->function_count;
}

/* Both are sorted by address: one walk finds where each function's references begin. */
static void index_targets(struct candidates *c)
{
	size_t r = 0;
	for (size_t f = 0; f < c->function_count; f++) {
		while (r < c->reference_count && c->references[r].target < c->functions[f].start)
			r++;
		c->first_in[f] = (uint32_t)r;
		for (; r < c->reference_count && c->references[r].target == c->functions[f].start; r++)
			c->counts[f] += c->references[r].from != f;
	}
}

static void index_origins(struct candidates *c)
{
	for (size_t r = 0; r < c->reference_count; r++)
		if (is_from(c, &c->references[r]))
			c->first_out[c->references[r].from]++;
	uint32_t sum = 0;
	for (size_t f = 0; f <= c->function_count; f++) {
		sum += c->first_out[f];
		c->first_out[f] = sum;
	}
	/* filled from behind, so that each ends up as the first of its own */
	for (size_t r = c->reference_count; r-- > 0;)
		if (is_from(c, &c->references[r]))
			c->out[--c->first_out[c->references[r].from]] = (uint32_t)r;
}

static int make_tables(struct candidates *c)
{
	c->first_in = calloc(c->function_count + 1, sizeof *c->first_in);
	c->counts = calloc(c->function_count + 1, sizeof *c->counts);
	c->first_out = calloc(c->function_count + 1, sizeof *c->first_out);
	c->out = calloc(c->reference_count + 1, sizeof *c->out);
	c->marks = calloc(c->function_count + 1, sizeof *c->marks);
	if (!c->first_in || !c->counts || !c->first_out || !c->out || !c->marks)
		return -ENOMEM;
	index_targets(c);
	index_origins(c);
	return 0;
}

int candidates_create(struct image *im, struct candidates **ret_candidates)
{
	struct candidates *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->im = im;
	int rc = image_functions(im, &c->functions, &c->function_count);
	if (rc == 0)
		rc = image_references(im, &c->references, &c->reference_count);
	if (rc == 0)
		rc = make_tables(c);
	if (rc < 0) {
		candidates_destroy(c);
		return rc;
	}
	*ret_candidates = c;
	return 0;
}

void candidates_destroy(struct candidates *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->list_count; i++)
		free(c->lists[i]);
	for (size_t i = 0; i < WIRE_FAMILIES; i++)
		free(c->families[i].members);
	free(c->first_in);
	free(c->counts);
	free(c->first_out);
	free(c->out);
	free(c->marks);
	free(c);
}

static size_t lower_bound(const struct candidates *c, uint64_t target)
{
	size_t low = 0, high = c->reference_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (c->references[middle].target < target)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t candidates_references_to(const struct candidates *c, uint64_t target, size_t *ret_first)
{
	*ret_first = lower_bound(c, target);
	return lower_bound(c, target + 1);
}

int64_t candidates_target(const struct candidates *c, const struct image_reference *r)
{
	int64_t f = image_function_at(c->im, r->target);
	return f >= 0 && c->functions[f].start == r->target ? f : -1;
}

size_t candidates_users(const struct candidates *c, uint64_t target, const uint8_t *members, bool calls_only, size_t limit)
{
	size_t n = 0, first, end = candidates_references_to(c, target, &first);
	uint32_t last = UINT32_MAX;
	for (size_t i = first; i < end && n <= limit; i++) {
		const struct image_reference *r = &c->references[i];
		if (!is_from(c, r) || r->from == last || (members && members[r->from]))
			continue;
		if (calls_only && r->kind != IMAGE_CALL && r->kind != IMAGE_JUMP)
			continue;
		last = r->from; /* sorted by origin: the same ones follow each other */
		n++;
	}
	return n;
}

bool candidates_enters(struct candidates *c, uint64_t outer, uint64_t inner)
{
	int64_t from = image_function_at(c->im, outer);
	size_t first, end = candidates_references_to(c, inner, &first);
	for (size_t i = first; i < end; i++)
		if (c->references[i].from == from && (c->references[i].kind == IMAGE_CALL || c->references[i].kind == IMAGE_JUMP))
			return true;
	return false;
}

uint32_t candidates_references(struct candidates *c, uint64_t address)
{
	int64_t f = image_function_at(c->im, address);
	return f >= 0 && c->functions[f].start == address ? c->counts[f] : 0;
}
