/* SPDX-License-Identifier: MIT */
/*
 * Who refers to whom: the pass over the text, the pointers in data, then what is found in a
 * fragment is given to its owner, the thunks' own jumps are dropped, and all is sorted.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

#define OWNER_HOPS_MAX 8 /* a fragment of a fragment of ... */

static void add_pointers(struct image_scan *s)
{
	struct image *im = s->im;
	for (size_t i = 0; i < im->segment_count; i++) {
		const struct address_set *set = &im->segments[i].slots;
		for (uint64_t w = 0; w <= set->size / 64; w++)
			for (uint64_t bits = set->bits[w]; bits; bits &= bits - 1) {
				uint64_t slot = set->low + 8 * (64 * w + (uint64_t)__builtin_ctzll(bits));
				uint64_t value = image_slot_value(im, slot);
				int64_t to = image_start_at(im, value);
				if (to >= 0)
					image_scan_add(s, UINT32_MAX, IMAGE_TAKES, slot, im->functions[im->resolved[to]].start);
			}
	}
}

/* Owners are what they are owned by; an unowned fragment stays its own. */
static void settle_owners(struct image_scan *s)
{
	struct image_function *f = s->im->functions;
	for (size_t i = 0; i < s->im->function_count; i++) {
		uint32_t owner = (uint32_t)i;
		for (unsigned hops = 0; hops < OWNER_HOPS_MAX && f[owner].fragment && s->strength[owner]; hops++)
			owner = s->owners[owner];
		f[i].owner = owner;
	}
}

static void give_to_owners(struct image_scan *s)
{
	const struct image *im = s->im;
	size_t n = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct image_reference r = s->items[i];
		if (r.from != UINT32_MAX) {
			if (im->resolved[r.from] != r.from)
				continue; /* a thunk's */
			r.from = im->functions[r.from].owner;
		}
		s->items[n++] = r;
	}
	s->count = n;
}

static int scan(struct image_scan *s)
{
	int rc = image_resolve_thunks(s->im);
	s->owners = calloc(s->im->function_count, sizeof *s->owners);
	s->strength = calloc(s->im->function_count, sizeof *s->strength);
	if (rc < 0 || !s->owners || !s->strength)
		return -ENOMEM;
	image_sweep_text(s);
	add_pointers(s);
	if (s->rc < 0 && s->rc != -E2BIG) /* too many: go on with those there are */
		return s->rc;
	settle_owners(s);
	give_to_owners(s);
	return image_sort_references(&s->items, s->count, image_low(s->im));
}

static int load(struct image *im)
{
	struct image_scan s = { .im = im };
	int rc = image_load_functions(im);
	if (rc == 0)
		rc = image_load_slots(im);
	if (rc == 0)
		rc = scan(&s);
	free(s.owners);
	free(s.strength);
	if (rc < 0) {
		free(s.items);
		return rc;
	}
	im->references = s.items;
	im->reference_count = s.count;
	return 0;
}

int image_load_references(struct image *im)
{
	if (im->references_rc == IMAGE_NOT_YET)
		im->references_rc = load(im);
	return im->references_rc;
}

int image_references(struct image *im, const struct image_reference **ret_references, size_t *ret_count)
{
	int rc = image_load_references(im);
	if (rc < 0)
		return rc;
	*ret_references = im->references;
	*ret_count = im->reference_count;
	return 0;
}
