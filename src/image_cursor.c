/* SPDX-License-Identifier: MIT */
/*
 * Reading with a bound; see image_private.h. A cursor that ran over its end stays bad and
 * yields zeros, so that a parser checks once, at its end, and every loop of it is bounded by
 * something else than what it reads.
 */
#include "image_private.h"

#include <string.h>

#define PE_OMIT     0xff
#define PE_INDIRECT 0x80
#define PE_PCREL    0x10
#define PE_DATAREL  0x30

void cursor_skip(struct image_cursor *c, uint64_t bytes)
{
	if (c->bad || bytes > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		return;
	}
	c->at += bytes;
	c->address += bytes;
}

static uint64_t read_bytes(struct image_cursor *c, size_t n)
{
	uint64_t v = 0;
	const uint8_t *at = c->at;
	cursor_skip(c, n);
	if (!c->bad)
		memcpy(&v, at, n);
	return v;
}

uint8_t cursor_u8(struct image_cursor *c)
{
	return (uint8_t)read_bytes(c, 1);
}

uint16_t cursor_u16(struct image_cursor *c)
{
	return (uint16_t)read_bytes(c, 2);
}

uint32_t cursor_u32(struct image_cursor *c)
{
	return (uint32_t)read_bytes(c, 4);
}

uint64_t cursor_u64(struct image_cursor *c)
{
	return read_bytes(c, 8);
}

uint64_t cursor_uleb(struct image_cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = cursor_u8(c);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

static uint64_t read_form(struct image_cursor *c, uint8_t form)
{
	switch (form) {
	case 0x00: case 0x04: case 0x0c: return cursor_u64(c);
	case 0x01: return cursor_uleb(c);
	case 0x02: return cursor_u16(c);
	case 0x03: return cursor_u32(c);
	case 0x0a: return (uint64_t)(int64_t)(int16_t)cursor_u16(c);
	case 0x0b: return (uint64_t)(int64_t)(int32_t)cursor_u32(c);
	default:
		c->bad = true;
		return 0;
	}
}

uint64_t cursor_encoded(struct image_cursor *c, uint8_t encoding, uint64_t base)
{
	uint64_t here = c->address;
	uint64_t v = read_form(c, encoding & 0x0f);
	if (encoding == PE_OMIT || encoding & PE_INDIRECT)
		c->bad = true;
	switch (encoding & 0x70) {
	case 0: return v;
	case PE_PCREL: return v + here;
	case PE_DATAREL: return v + base;
	default:
		c->bad = true;
		return 0;
	}
}
