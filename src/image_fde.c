/* SPDX-License-Identifier: MIT */
/*
 * One frame description entry of .eh_frame: a function's start, its length, and whether it is
 * a fragment. A real function begins with the frame that its caller made, and says nothing
 * of it; a cold part that the compiler moved elsewhere begins in the middle of a frame, and
 * must say so before its first byte (DESIGN 4, rule 2).
 */
#include "image_private.h"

#define AUGMENTATION_MAX 16
#define OPERATIONS_MAX 16 /* looked at before the first that tells */

static void read_augmentation(struct image_cursor *c, const char *letters, struct image_cie *cie)
{
	for (; *letters && !c->bad; letters++) {
		uint8_t encoding;
		switch (*letters) {
		case 'R':
			cie->encoding = cursor_u8(c);
			break;
		case 'L':
			cursor_u8(c);
			break;
		case 'P':
			encoding = cursor_u8(c);
			cursor_encoded(c, encoding & 0x0f, 0);
			break;
		case 'S': case 'B':
			break;
		default:
			return;
		}
	}
}

/* The cursor behind an entry's length, cut at its end. */
static struct image_cursor enter_record(const struct image *im, uint64_t address)
{
	struct image_cursor c = image_cursor_at(im, address);
	uint64_t bytes = cursor_u32(&c);
	if (bytes == 0xffffffff)
		bytes = cursor_u64(&c);
	if (c.bad || bytes == 0 || bytes > (uint64_t)(c.end - c.at))
		c.bad = true;
	else
		c.end = c.at + bytes;
	return c;
}

static void read_cie(const struct image *im, uint64_t address, struct image_cie *ret)
{
	struct image_cursor c = enter_record(im, address);
	char letters[AUGMENTATION_MAX] = "";
	*ret = (struct image_cie){ .address = address };
	uint32_t id = cursor_u32(&c);
	uint8_t version = cursor_u8(&c);
	if (id != 0 || (version != 1 && version != 3))
		c.bad = true;
	for (size_t i = 0; i < sizeof letters && (letters[i] = (char)cursor_u8(&c)) != 0; i++)
		if (i == sizeof letters - 1)
			c.bad = true;
	cursor_uleb(&c); /* code and data alignment: their values don't matter here */
	cursor_uleb(&c);
	if (version == 1)
		cursor_u8(&c);
	else
		cursor_uleb(&c);
	ret->has_size = letters[0] == 'z';
	if (ret->has_size) {
		cursor_uleb(&c);
		read_augmentation(&c, letters + 1, ret);
	}
	ret->bad = c.bad;
}

static bool begins_in_a_frame(struct image_cursor *c)
{
	for (unsigned i = 0; i < OPERATIONS_MAX && !c->bad && c->at < c->end; i++) {
		uint8_t op = cursor_u8(c);
		switch (op) {
		case 0x00: /* nop */
			continue;
		case 0x2e: /* GNU_args_size */
			cursor_uleb(c);
			continue;
		case 0x0c: case 0x0d: case 0x0e: /* def_cfa, def_cfa_register, def_cfa_offset */
			return true;
		default:
			return (op & 0xc0) == 0x80; /* offset */
		}
	}
	return false;
}

bool image_read_fde(const struct image *im, uint64_t address, struct image_cie *cie, struct image_fde *ret_fde)
{
	struct image_cursor c = enter_record(im, address);
	uint64_t id_address = c.address;
	uint32_t id = cursor_u32(&c);
	if (c.bad || id == 0)
		return false;
	if (cie->address != id_address - id || !cie->address)
		read_cie(im, id_address - id, cie);
	if (cie->bad)
		return false;
	struct image_fde f = { 0 };
	f.start = cursor_encoded(&c, cie->encoding, 0);
	f.bytes = cursor_encoded(&c, cie->encoding & 0x0f, 0);
	if (cie->has_size)
		cursor_skip(&c, cursor_uleb(&c));
	if (c.bad)
		return false;
	f.fragment = begins_in_a_frame(&c);
	*ret_fde = f;
	return true;
}
