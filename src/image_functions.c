/* SPDX-License-Identifier: MIT */
/*
 * Functions by .eh_frame_hdr, which a stripped file keeps: its sorted table leads to one
 * frame description for each. Entries that lie outside the text or are empty don't count;
 * where two overlap the first ends at the second. A table out of order, or one that its
 * descriptions contradict, was written by no linker: nothing in it is believed then, for a
 * function that it hides may be the one that frees.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

struct table {
	struct image_cursor at;
	uint64_t base, count;
	uint8_t encoding;
	uint64_t last_start, lies, unread;
};

#define UNREAD_MAX(count) ((count) / 16 + 1) /* descriptions in a form that is not known here */

static unsigned entry_bytes(uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case 0x02: case 0x0a: return 4;
	case 0x03: case 0x0b: return 8;
	case 0x00: case 0x04: case 0x0c: return 16;
	default: return 0;
	}
}

static int open_table(const struct image *im, struct table *ret)
{
	const Elf64_Phdr *ph = image_header(im, PT_GNU_EH_FRAME);
	if (!ph)
		return -ENODATA;
	struct table t = { .at = image_cursor_at(im, ph->p_vaddr), .base = ph->p_vaddr };
	uint8_t version = cursor_u8(&t.at), frame = cursor_u8(&t.at), count = cursor_u8(&t.at);
	t.encoding = cursor_u8(&t.at);
	cursor_encoded(&t.at, frame, t.base);
	t.count = cursor_encoded(&t.at, count, t.base);
	unsigned bytes = entry_bytes(t.encoding);
	if (t.at.bad || version != 1 || !bytes)
		return -ENODATA;
	uint64_t room = (uint64_t)(t.at.end - t.at.at) / bytes;
	t.count = t.count < room ? t.count : room; /* a count that lies */
	*ret = t;
	return t.count ? 0 : -ENODATA;
}

static bool read_entry(const struct image *im, struct table *t, struct image_cie *cie, struct image_function *ret)
{
	struct image_fde fde;
	uint64_t start = cursor_encoded(&t->at, t->encoding, t->base);
	uint64_t address = cursor_encoded(&t->at, t->encoding, t->base);
	t->lies += start < t->last_start;
	t->last_start = start;
	if (t->at.bad || !image_read_fde(im, address, cie, &fde)) {
		t->unread++;
		return false;
	}
	t->lies += fde.start != start;
	if (fde.start != start || !fde.bytes)
		return false;
	const struct image_segment *s = image_segment_at(im, start);
	if (!s || !s->is_code || start >= s->file_end)
		return false;
	uint64_t room = s->file_end - start;
	*ret = (struct image_function){ start, start + (fde.bytes < room ? fde.bytes : room), 0, fde.fragment };
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct image_function *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end > y->end ? -1 : x->end < y->end; /* the longer one first: it stays */
}

static bool is_ascending(const struct image_function *f, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (f[i - 1].start >= f[i].start)
			return false;
	return true;
}

/* Ascending and disjoint; returns how many are left. */
static size_t tidy(struct image_function *f, size_t count)
{
	size_t n = 0;
	if (!is_ascending(f, count))
		qsort(f, count, sizeof *f, by_start);
	for (size_t i = 0; i < count; i++) {
		if (n && f[n - 1].start == f[i].start)
			continue;
		if (n && f[n - 1].end > f[i].start)
			f[n - 1].end = f[i].start;
		f[n] = f[i];
		f[n].owner = (uint32_t)n;
		n++;
	}
	return n;
}

static int index_starts(struct image *im)
{
	uint32_t rank = 0;
	size_t i = 0;
	for (size_t s = 0; s < im->segment_count; s++) {
		struct image_segment *segment = &im->segments[s];
		if (!segment->is_code)
			continue;
		int rc = address_set_init(&segment->starts, segment->address, segment->file_end, 0);
		if (rc < 0)
			return rc;
		for (; i < im->function_count && im->functions[i].start < segment->end; i++)
			address_set_add(&segment->starts, im->functions[i].start);
		rank = address_set_rank(&segment->starts, rank);
	}
	return 0;
}

static int read_table(struct image *im, struct table *t)
{
	struct image_cie cie = { 0 };
	size_t n = 0;
	if (t->count > UINT32_MAX / 2 || !(im->functions = malloc(t->count * sizeof *im->functions)))
		return -ENOMEM;
	for (uint64_t i = 0; i < t->count; i++)
		n += read_entry(im, t, &cie, &im->functions[n]);
	if (t->lies || t->unread > UNREAD_MAX(t->count))
		return -EBADMSG;
	im->function_count = tidy(im->functions, n);
	for (size_t i = 0; i < im->function_count; i++)
		im->fragment_count += im->functions[i].fragment;
	return im->function_count ? index_starts(im) : -ENODATA;
}

int image_load_functions(struct image *im)
{
	struct table t;
	if (im->functions_rc != IMAGE_NOT_YET)
		return im->functions_rc;
	im->functions_rc = open_table(im, &t);
	if (im->functions_rc == 0)
		im->functions_rc = read_table(im, &t);
	return im->functions_rc;
}

int64_t image_start_at(const struct image *im, uint64_t address)
{
	const struct image_segment *s = image_segment_at(im, address);
	if (!s || !address_set_has(&s->starts, address))
		return -1;
	return (int64_t)address_set_upto(&s->starts, address) - 1;
}

int64_t image_part_at(const struct image *im, uint64_t address)
{
	const struct image_segment *s = image_segment_at(im, address);
	if (!s || address - s->address >= s->starts.size)
		return -1;
	int64_t i = (int64_t)address_set_upto(&s->starts, address) - 1;
	return i >= 0 && im->functions[i].start <= address && address < im->functions[i].end ? i : -1;
}

int64_t image_function_at(struct image *im, uint64_t address)
{
	if (image_load_functions(im) < 0)
		return -1;
	int64_t i = image_part_at(im, address);
	if (i < 0 || !im->functions[i].fragment)
		return i;
	return image_load_references(im) < 0 ? -1 : (int64_t)im->functions[i].owner;
}

int image_functions(struct image *im, const struct image_function **ret_functions, size_t *ret_count)
{
	int rc = image_load_functions(im);
	if (rc == 0)
		rc = image_load_references(im); /* who owns which fragment */
	if (rc < 0)
		return rc;
	*ret_functions = im->functions;
	*ret_count = im->function_count;
	return 0;
}

int image_function_start(struct image *im, uint64_t address, uint64_t *ret_start)
{
	int64_t i = image_function_at(im, address);
	if (i < 0)
		return -ENOENT;
	*ret_start = im->functions[i].start;
	return 0;
}
