/* SPDX-License-Identifier: MIT */
/*
 * What a place in the text that looks like a call, a jump or a rip-relative operand refers
 * to; image_sweep.c finds such places, nothing is decoded. A branch counts when it ends exactly at a function (or a
 * stub that leads to one), an operand when it lies in the image: in megabytes of text a
 * handful of wrong ones pass. Jumps between a function and a fragment of one tell whose the
 * fragment is: best one to its first byte, then one from it back into the function, then one
 * into its middle.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

#define REFERENCES_MAX (8u << 20) /* 200 MB of text have fewer; bounds a hostile file */

enum owner_strength { NO_OWNER, INTO_MIDDLE, OUT_OF_IT, TO_START };

static uint64_t relative_target(const uint8_t *at, uint64_t address)
{
	return address + 4 + (uint64_t)(int64_t)(int32_t)image_u32(at);
}

static int grow(struct image_scan *s)
{
	size_t bigger = s->capacity ? s->capacity * 2 : 1u << 16;
	struct image_reference *moved = s->capacity >= REFERENCES_MAX ? NULL : realloc(s->items, bigger * sizeof *moved);
	if (!moved)
		return s->capacity >= REFERENCES_MAX ? -E2BIG : -ENOMEM;
	s->items = moved;
	s->capacity = bigger;
	return 0;
}

void image_scan_add(struct image_scan *s, uint32_t from, enum image_reference_kind kind, uint64_t site, uint64_t target)
{
	if (s->count == s->capacity && s->rc == 0)
		s->rc = grow(s);
	if (s->rc == 0)
		s->items[s->count++] = (struct image_reference){ from, (uint8_t)kind, site, target };
}

static void propose_owner(struct image_scan *s, uint32_t fragment, uint32_t owner, enum owner_strength strength)
{
	if (fragment != owner && s->strength[fragment] < strength) {
		s->owners[fragment] = owner;
		s->strength[fragment] = (uint8_t)strength;
	}
}

/* A fragment that is called, or whose address is taken, is a function after all (assembler
 * that states its frame at its start). */
static void add_to_start(struct image_scan *s, uint32_t from, enum image_reference_kind kind, uint64_t site, uint32_t to)
{
	struct image_function *f = s->im->functions;
	if (f[to].fragment && kind == IMAGE_JUMP) {
		propose_owner(s, to, from, TO_START);
		return;
	}
	if (f[to].fragment) {
		f[to].fragment = false;
		s->im->fragment_count--;
	}
	image_scan_add(s, from, kind, site, f[s->im->resolved[to]].start);
}

static void jump_between_parts(struct image_scan *s, uint32_t from, uint64_t target)
{
	int64_t to = image_part_at(s->im, target);
	if (to < 0)
		return;
	if (s->im->functions[to].fragment)
		propose_owner(s, (uint32_t)to, from, INTO_MIDDLE);
	else if (s->im->functions[from].fragment)
		propose_owner(s, from, (uint32_t)to, OUT_OF_IT);
}

/* Nearly every branch stays in its own segment. */
static const struct image_segment *segment_at(const struct image_scan *s, uint64_t target)
{
	const struct image_segment *home = s->home;
	return target - home->address < home->end - home->address ? home : image_segment_at(s->im, target);
}

static int64_t start_at(const struct image_scan *s, uint64_t target)
{
	const struct image_segment *segment = segment_at(s, target);
	if (!segment || !address_set_has(&segment->starts, target))
		return -1;
	return (int64_t)address_set_upto(&segment->starts, target) - 1;
}

static void take_branch(struct image_scan *s, const struct image_span *f, uint64_t site, uint64_t target,
			enum image_reference_kind kind)
{
	const struct image *im = s->im;
	if (target - s->low >= s->span || (kind == IMAGE_JUMP && target > f->start && target < f->end))
		return;
	int64_t to = start_at(s, target);
	if (to >= 0) {
		add_to_start(s, f->index, kind, site, (uint32_t)to);
		return;
	}
	if (!segment_at(s, target) || !segment_at(s, target)->is_code)
		return;
	uint64_t end = image_branch_end(im, target); /* a stub? */
	if (end)
		image_scan_add(s, f->index, kind, site, end);
	else if (kind == IMAGE_JUMP && im->fragment_count)
		jump_between_parts(s, f->index, target);
}

/* Bytes of an immediate behind the operand: what the address is relative to lies behind it. */
static unsigned immediate_bytes(const uint8_t *modrm, const uint8_t *start)
{
	uint8_t op = modrm[-1], field = modrm[0] >> 3 & 7;
	if (modrm - start >= 2 && modrm[-2] == 0x0f)
		return op == 0xba || op == 0xc2 || op == 0xc6 || (op >= 0x70 && op <= 0x73) || op == 0xa4 || op == 0xac;
	switch (op) {
	case 0x80: case 0x83: case 0x6b: case 0xc0: case 0xc1: case 0xc6: return 1;
	case 0x81: case 0x69: case 0xc7: return 4;
	case 0xf6: return field < 2 ? 1 : 0;
	case 0xf7: return field < 2 ? 4 : 0;
	default: return 0;
	}
}

/* An address is taken, or a pointer is loaded that holds it. */
static void take_address(struct image_scan *s, uint32_t from, uint64_t site, uint64_t target)
{
	int64_t to = start_at(s, target);
	if (to >= 0) {
		add_to_start(s, from, IMAGE_TAKES, site, (uint32_t)to);
		return;
	}
	uint64_t end = image_is_code(s->im, target) ? image_branch_end(s->im, target) : 0;
	image_scan_add(s, from, IMAGE_TAKES, site, end ? end : target);
}

static void take_through_slot(struct image_scan *s, uint32_t from, uint64_t site, uint64_t value, uint8_t field)
{
	bool is_stub = field == 4 && s->im->functions[from].fragment; /* the whole PLT is such a one */
	uint64_t end = !is_stub && image_is_code(s->im, value) ? image_branch_end(s->im, value) : 0;
	if (end)
		image_scan_add(s, from, field == 2 ? IMAGE_CALL : IMAGE_JUMP, site, end);
}

static void take_operand(struct image_scan *s, const struct image_span *f, const uint8_t *modrm, uint64_t site)
{
	const uint8_t op = modrm[-1], field = modrm[0] >> 3 & 7;
	uint64_t target = relative_target(modrm + 1, site + 1);
	if (target - s->low >= s->span) /* nearly always, when this is no operand */
		return;
	target += immediate_bytes(modrm, f->bytes);
	if (!segment_at(s, target))
		return;
	if (op == 0x8d) {
		if (modrm - f->bytes >= 2 && (modrm[-2] & 0xf8) == 0x48) /* lea of 8 bytes */
			take_address(s, f->index, site, target);
		return;
	}
	uint64_t value = op == 0xff || op == 0x8b || op == 0x3b ? image_slot_value(s->im, target) : 0;
	if (value && op == 0xff && (field == 2 || field == 4))
		take_through_slot(s, f->index, site, value, field);
	else if (value && op != 0xff)
		take_address(s, f->index, site, value);
	else if (!segment_at(s, target)->is_code || image_part_at(s->im, target) < 0) /* data in the text is rare, numbers that look so are not */
		image_scan_add(s, f->index, IMAGE_DATA, site, target);
}

/* mov or push of an address: only where addresses are fixed. */
static void take_immediate(struct image_scan *s, const struct image_span *f, const uint8_t *at, uint64_t site)
{
	uint64_t target = image_u32(at + 1);
	if (image_segment_at(s->im, target))
		take_address(s, f->index, site, target);
}

void image_scan_place(struct image_scan *s, const struct image_span *f, const uint8_t *at)
{
	uint64_t site = f->start + (uint64_t)(at - f->bytes);
	switch (*at) {
	case 0xe8:
		take_branch(s, f, site, relative_target(at + 1, site + 1), IMAGE_CALL);
		break;
	case 0xe9:
		take_branch(s, f, site, relative_target(at + 1, site + 1), IMAGE_JUMP);
		break;
	case 0x0f:
		if ((at[1] & 0xf0) == 0x80 && f->limit - at >= 6) /* a conditional jump */
			take_branch(s, f, site, relative_target(at + 2, site + 2), IMAGE_JUMP);
		break;
	case 0xb8: case 0xb9: case 0xba: case 0xbb: case 0xbc: case 0xbd: case 0xbe: case 0xbf: case 0x68:
		take_immediate(s, f, at, site);
		break;
	default:
		if (at > f->bytes)
			take_operand(s, f, at, site);
	}
}
