/* SPDX-License-Identifier: MIT */
/*
 * Texts in the segments, and the identity of a file without a build id. A search looks for
 * the text's first and last byte at once, 16 places at a time, and compares what is left:
 * it is run on every program that memwhy starts, most of which have no such text.
 */
#include "image_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define ID_LONGEST 35 /* bytes: two digits each and the end fit into IMAGE_ID_BYTES */
#define ID_SHORTEST 8 /* less than that identifies nothing */

static size_t find_plainly(struct elf_bytes in, const char *needle, size_t n, size_t offset)
{
	const uint8_t *at = memmem(in.bytes + offset, in.size - offset, needle, n);
	return at ? (size_t)(at - in.bytes) : in.size;
}

#if defined(__SSE2__)
/* Of the 16 places from at on, those where both ends of the needle are right. */
static unsigned both_ends(const uint8_t *at, size_t n, __m128i first, __m128i last)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(at + n - 1));
	return (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
}

size_t text_find(struct elf_bytes in, const char *needle, size_t offset)
{
	size_t n = strlen(needle), i = offset;
	if (n == 0 || offset >= in.size)
		return in.size;
	__m128i first = _mm_set1_epi8(needle[0]), last = _mm_set1_epi8(needle[n - 1]);
	for (; in.size - i >= 16 + n; i += 16)
		for (unsigned hits = both_ends(in.bytes + i, n, first, last); hits; hits &= hits - 1) {
			size_t at = i + (unsigned)__builtin_ctz(hits);
			if (!memcmp(in.bytes + at, needle, n))
				return at;
		}
	return find_plainly(in, needle, n, i);
}
#else
size_t text_find(struct elf_bytes in, const char *needle, size_t offset)
{
	size_t n = strlen(needle);
	return n && offset < in.size ? find_plainly(in, needle, n, offset) : in.size;
}
#endif

static struct elf_bytes segment_bytes(const struct image_segment *s)
{
	return (struct elf_bytes){ s->bytes, (size_t)(s->file_end - s->address) };
}

static size_t find_in_segment(const struct image_segment *s, const char *text, uint64_t *ret, size_t max)
{
	struct elf_bytes in = segment_bytes(s);
	size_t n = 0;
	for (size_t at = 0; n < max && (at = text_find(in, text, at)) < in.size; at++)
		ret[n++] = s->address + at;
	return n;
}

static size_t find_in_segments(const struct image *im, bool code, const char *text, uint64_t *ret, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < im->segment_count; i++)
		if (im->segments[i].is_code == code)
			n += find_in_segment(&im->segments[i], text, ret + n, max - n);
	return n;
}

size_t image_find_texts(const struct image *im, const char *text, uint64_t *ret_addresses, size_t max)
{
	size_t n = find_in_segments(im, false, text, ret_addresses, max);
	return n ? n : find_in_segments(im, true, text, ret_addresses, max);
}

bool image_has_text(const struct image *im, const char *text)
{
	uint64_t at;
	return image_find_texts(im, text, &at, 1) == 1;
}

/* ---- identity ------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static uint64_t hash_bytes(uint64_t hash, struct elf_bytes in)
{
	size_t i = 0;
	for (; in.size - i >= 8; i += 8)
		hash = mix(hash, image_u64(in.bytes + i));
	for (; i < in.size; i++)
		hash = mix(hash, in.bytes[i]);
	return mix(hash, in.size);
}

static uint64_t hash_text(const struct image *im)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < im->segment_count; i++)
		if (im->segments[i].is_code)
			hash = mix(hash_bytes(hash, segment_bytes(&im->segments[i])), im->segments[i].address);
	return hash;
}

int image_id(struct image *im, char ret_id[IMAGE_ID_BYTES])
{
	const uint8_t *id;
	size_t bytes;
	if (elf_build_id(im->file, &id, &bytes) == 0 && bytes >= ID_SHORTEST && bytes <= ID_LONGEST)
		for (size_t i = 0; i < bytes; i++)
			snprintf(ret_id + 2 * i, 3, "%02x", id[i]);
	else
		snprintf(ret_id, IMAGE_ID_BYTES, "text-%016llx", (unsigned long long)hash_text(im));
	return 0;
}
