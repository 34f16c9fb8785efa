/* SPDX-License-Identifier: MIT */
/*
 * relocate_refer.c - see relocate_refer.h. Any four bytes of the text may be a distance, if the
 * highest of them is so small or so large that it leads to a function (16 places at a time). Where
 * the place that it leads to is in a bucket that holds some function's window, the function
 * and what stands before the distance are looked at. Calls, jumps and leas say by their opcode
 * that the distance ends them, so that those of the function itself, which are most, go.
 */
#include "relocate_refer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
	unsigned top;             /* the highest byte of a distance is at most this, or at least its complement */
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

static int look_at(struct relocate_referrers *r, uint32_t from, const struct image_function *f, const uint8_t *bytes,
		   uint64_t at)
{
	uint32_t value;
	memcpy(&value, bytes + at, sizeof value);
	value += (uint32_t)(f->start + at) + DISTANCE_BYTES;
	return __builtin_expect(r->buckets[bucket_of(value)], 0) ? look_closely(r, from, bytes, at, value) : 0;
}

#if defined(__SSE2__)
#define STEP 16u
/* Bits of the places from at on whose highest byte fits; reads 19 bytes. */
static unsigned fitting(const struct relocate_referrers *r, const uint8_t *at)
{
	__m128i top = _mm_loadu_si128((const __m128i *)(const void *)(at + DISTANCE_BYTES - 1));
	__m128i b = _mm_add_epi8(top, _mm_set1_epi8((char)(r->top + 1)));
	__m128i most = _mm_set1_epi8((char)(2 * r->top + 1));
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(b, most), b));
}
#else
#define STEP 1u
static unsigned fitting(const struct relocate_referrers *r, const uint8_t *at)
{
	return 1;
}
#endif

static int scan(struct relocate_referrers *r, uint32_t from, const struct image_function *f, const uint8_t *bytes)
{
	uint64_t n = f->end - f->start, at = 0;
	int err = 0;
	for (; at + STEP - 1 + DISTANCE_BYTES <= n; at += STEP)
		for (unsigned places = fitting(r, bytes + at); places && err == 0; places &= places - 1)
			err = look_at(r, from, f, bytes, at + (unsigned)__builtin_ctz(places));
	for (; at + DISTANCE_BYTES <= n && err == 0; at++)
		err = look_at(r, from, f, bytes, at);
	return err;
}

/* Of distances below the span, in either direction. */
static unsigned top_of(uint64_t span)
{
	return span >> 24 < 127 ? (unsigned)(span >> 24) : 127;
}

static int scan_all(struct relocate_referrers *r, struct image *im)
{
	const struct image_function *functions;
	size_t count;
	int err = image_functions(im, &functions, &count);
	if (err == 0 && count)
		r->top = top_of(functions[count - 1].end - functions[0].start + RELOCATE_WINDOW + IMMEDIATE_BYTES);
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
