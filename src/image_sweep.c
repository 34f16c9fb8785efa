/* SPDX-License-Identifier: MIT */
/*
 * Finds the places in the text that are worth a look: where a byte begins a branch, or is an
 * operand's that is relative to the instruction pointer, *and* the highest byte of the four
 * behind it is so small or so large that the target can lie in the image. The second half
 * does most of the work: an image of 25 MB leaves 4 of 256 values, and what it lets pass is
 * nearly always real. 16 places at a time; a byte each where that can't be done.
 */
#include "image_private.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What may begin something: opcodes, and modrm bytes without base register (0x05 ... 0x3d). */
static bool is_place(uint8_t b, bool is_fixed)
{
	if ((b & 0xc7) == 0x05 || b == 0xe8 || b == 0xe9 || b == 0x0f)
		return true;
	return is_fixed && ((b & 0xf8) == 0xb8 || b == 0x68);
}

static void sweep_bytes(struct image_scan *s, const struct image_span *f, const uint8_t *at)
{
	for (; f->limit - at >= 5; at++)
		if (is_place(*at, s->im->is_fixed))
			image_scan_place(s, f, at);
}

#if defined(__SSE2__)
struct filter { __m128i offset, reach; };

/* The highest byte b of a displacement of less than the image's span in either direction:
 * -n - 1 <= b <= n, as one unsigned comparison. */
static struct filter make_filter(const struct image_scan *s)
{
	unsigned n = (unsigned)(s->span >> 24);
	if (n > 127)
		n = 127;
	return (struct filter){ _mm_set1_epi8((char)(n + 1)), _mm_set1_epi8((char)(2 * n + 1)) };
}

static __m128i load(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static __m128i equals(__m128i v, unsigned byte)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)byte));
}

static __m128i masked_equals(__m128i v, unsigned mask, unsigned byte)
{
	return equals(_mm_and_si128(v, _mm_set1_epi8((char)mask)), byte);
}

static __m128i in_reach(const struct filter *r, __m128i top)
{
	__m128i b = _mm_add_epi8(top, r->offset);
	return _mm_cmpeq_epi8(_mm_min_epu8(b, r->reach), b);
}

/* Bits of the 16 places from at on; reads 21 bytes. */
static unsigned find_places(const uint8_t *at, const struct filter *r)
{
	__m128i b = load(at);
	__m128i branch = masked_equals(b, 0xfe, 0xe8);
	__m128i operand = masked_equals(b, 0xc7, 0x05);
	__m128i near = _mm_and_si128(_mm_or_si128(branch, operand), in_reach(r, load(at + 4)));
	__m128i escape = _mm_and_si128(equals(b, 0x0f), masked_equals(load(at + 1), 0xf0, 0x80));
	__m128i far = _mm_and_si128(escape, in_reach(r, load(at + 5)));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(near, far));
}

static void sweep_function(struct image_scan *s, const struct image_span *f, const struct filter *r)
{
	const uint8_t *at = f->bytes;
	for (; f->limit - at >= 5 && f->readable - at >= 21 && !s->im->is_fixed; at += 16) {
		unsigned places = find_places(at, r);
		if (f->limit - at < 20) /* four bytes must follow each, in the function */
			places &= (1u << (f->limit - at - 4)) - 1;
		for (; places; places &= places - 1)
			image_scan_place(s, f, at + __builtin_ctz(places));
	}
	sweep_bytes(s, f, at);
}
#else
struct filter { int unused; };

static struct filter make_filter(const struct image_scan *s)
{
	return (struct filter){ 0 };
}

static void sweep_function(struct image_scan *s, const struct image_span *f, const struct filter *r)
{
	sweep_bytes(s, f, f->bytes);
}
#endif

void image_sweep_text(struct image_scan *s)
{
	const struct image *im = s->im;
	s->low = image_low(im);
	s->span = image_high(im) - s->low;
	struct filter filter = make_filter(s);
	for (size_t i = 0; i < im->function_count && s->rc == 0; i++) {
		uint64_t start = im->functions[i].start, end = im->functions[i].end;
		const struct image_segment *home = s->home = image_segment_at(im, start);
		const uint8_t *at = image_bytes(im, start, end - start);
		if (!at || !home)
			continue;
		struct image_span f = { (uint32_t)i, start, end, at, at + (end - start), home->bytes + (home->file_end - home->address) };
		sweep_function(s, &f, &filter);
	}
}
