/* SPDX-License-Identifier: MIT */
/*
 * relocate_refer.c - see relocate_refer.h. Any four bytes of the text may be a distance. Where
 * the place that it leads to is in a bucket that holds some function's window, the function
 * and what stands before the distance are looked at. Calls, jumps and leas say by their opcode
 * that the distance ends them, so that those of the function itself, which are most, go.
 */
#include "relocate_refer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DISTANCE_BYTES  4u
#define IMMEDIATE_BYTES 4u    /* that an instruction may have behind its distance */
#define BUCKET_SHIFT    5
#define BUCKETS         8192u /* the nearest cache holds them */

struct referrer { uint32_t from; uint16_t function; };

struct relocate_referrers {
	uint8_t buckets[BUCKETS]; /* 1: some function's window is in it, modulo their number */
	uint64_t *functions;
	size_t function_count;
	struct referrer *list;    /* ascending by from */
	size_t count, room;
};

static uint32_t bucket_of(uint32_t address)
{
	return address >> BUCKET_SHIFT & (BUCKETS - 1);
}

static void mark_windows(struct relocate_referrers *r)
{
	for (size_t i = 0; i < r->function_count; i++)
		for (uint32_t k = 0; k < RELOCATE_WINDOW + IMMEDIATE_BYTES; k++)
			r->buckets[bucket_of((uint32_t)r->functions[i] - IMMEDIATE_BYTES + k)] = 1;
}

/* The distance at `at` is the end of a call, a jump or a lea. */
static bool ends_with_distance(const uint8_t *bytes, uint64_t at)
{
	if (at >= 1 && (bytes[at - 1] == 0xe8 || bytes[at - 1] == 0xe9))
		return true;
	return at >= 2 && ((bytes[at - 2] == 0x0f && (bytes[at - 1] & 0xf0) == 0x80) ||
			   (bytes[at - 2] == 0x8d && (bytes[at - 1] & 0xc7) == 0x05));
}

static int add(struct relocate_referrers *r, uint32_t from, size_t function)
{
	const struct referrer new = { from, (uint16_t)function };
	if (r->count && r->list[r->count - 1].from == from && r->list[r->count - 1].function == new.function)
		return 0;
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 256;
		struct referrer *list = realloc(r->list, room * sizeof *list);
		if (!list)
			return -ENOMEM;
		r->list = list;
		r->room = room;
	}
	r->list[r->count++] = new;
	return 0;
}

/* target: where the distance leads when nothing stands behind it. */
static int look_closely(struct relocate_referrers *r, uint32_t from, const uint8_t *bytes, uint64_t at, uint32_t target)
{
	int err = 0;
	for (size_t i = 0; i < r->function_count && err == 0; i++) {
		uint32_t into = target - (uint32_t)r->functions[i];
		if (into == 0 && ends_with_distance(bytes, at))
			continue;
		if (into + IMMEDIATE_BYTES < RELOCATE_WINDOW + IMMEDIATE_BYTES)
			err = add(r, from, i);
	}
	return err;
}

static int scan(struct relocate_referrers *r, uint32_t from, const struct image_function *f, const uint8_t *bytes)
{
	uint64_t n = f->end - f->start;
	uint32_t value, place = (uint32_t)f->start + DISTANCE_BYTES;
	int err = 0;
	for (uint64_t at = 0; at + DISTANCE_BYTES <= n && err == 0; at++) {
		memcpy(&value, bytes + at, sizeof value);
		value += place + (uint32_t)at;
		if (__builtin_expect(r->buckets[bucket_of(value)], 0))
			err = look_closely(r, from, bytes, at, value);
	}
	return err;
}

static int scan_all(struct relocate_referrers *r, struct image *im)
{
	const struct image_function *functions;
	size_t count;
	int err = image_functions(im, &functions, &count);
	for (size_t i = 0; err == 0 && i < count; i++) {
		uint64_t n = functions[i].end - functions[i].start;
		const uint8_t *bytes = n >= DISTANCE_BYTES ? image_bytes(im, functions[i].start, n) : NULL;
		if (bytes)
			err = scan(r, (uint32_t)i, &functions[i], bytes);
	}
	return err;
}

int relocate_referrers_find(struct image *im, const uint64_t *functions, size_t count,
			    struct relocate_referrers **ret_referrers)
{
	struct relocate_referrers *r = count <= UINT16_MAX ? calloc(1, sizeof *r) : NULL;
	int err = r && (r->functions = calloc(count + 1, sizeof *functions)) ? 0 : -ENOMEM;
	if (err == 0) {
		memcpy(r->functions, functions, count * sizeof *functions);
		r->function_count = count;
		mark_windows(r);
		err = scan_all(r, im);
	}
	if (err == 0)
		*ret_referrers = r;
	else
		relocate_referrers_free(r);
	return err;
}

void relocate_referrers_free(struct relocate_referrers *r)
{
	if (!r)
		return;
	free(r->functions);
	free(r->list);
	free(r);
}

int64_t relocate_referrers_next(const struct relocate_referrers *r, uint64_t function, size_t *at)
{
	while (*at < r->count) {
		const struct referrer *next = &r->list[(*at)++];
		if (r->functions[next->function] == function)
			return next->from;
	}
	return -1;
}
