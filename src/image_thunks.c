/* SPDX-License-Identifier: MIT */
/*
 * Stubs and thunks: code that is nothing but a jump. A PLT stub is jmp *GOT (with an endbr64
 * and a bnd prefix before it, perhaps) and is no function; a thunk is a function that begins
 * with a jump to another one. What calls them means what they lead to. One that leads out of
 * the image leads nowhere: then it counts as itself.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

#define HOPS_MAX 8

static bool skip_prefixes(struct image_cursor *c)
{
	if (c->end - c->at >= 4 && image_u32(c->at) == 0xfa1e0ff3) /* endbr64 */
		cursor_skip(c, 4);
	if (c->end - c->at >= 1 && *c->at == 0xf2) /* bnd */
		cursor_skip(c, 1);
	return !c->bad && c->end - c->at >= 2;
}

/* Where the jump at address goes to, 0 when there is none or it leads out of the image. */
static uint64_t follow(const struct image *im, uint64_t address)
{
	struct image_cursor c = image_cursor_at(im, address);
	uint64_t next = 0;
	if (c.bad || !skip_prefixes(&c))
		return 0;
	uint8_t op = cursor_u8(&c);
	if (op == 0xeb) {
		int8_t offset = (int8_t)cursor_u8(&c);
		next = c.address + (uint64_t)(int64_t)offset;
	} else if (op == 0xe9) {
		int32_t offset = (int32_t)cursor_u32(&c);
		next = c.address + (uint64_t)(int64_t)offset;
	} else if (op == 0xff && cursor_u8(&c) == 0x25) {
		int32_t offset = (int32_t)cursor_u32(&c);
		return c.bad ? 0 : image_slot_value(im, c.address + (uint64_t)(int64_t)offset);
	}
	return c.bad ? 0 : next;
}

static bool is_function(const struct image *im, int64_t index)
{
	return index >= 0 && !im->functions[index].fragment;
}

uint64_t image_branch_end(const struct image *im, uint64_t address)
{
	uint64_t found = is_function(im, image_start_at(im, address)) ? address : 0;
	for (unsigned hops = 0; hops < HOPS_MAX && image_is_code(im, address); hops++) {
		address = follow(im, address);
		if (!address)
			break;
		/* a jump into a function's middle is no thunk; stubs are the middle of a "fragment" */
		int64_t part = image_part_at(im, address);
		if (part >= 0 && im->functions[part].start != address && !im->functions[part].fragment)
			break;
		if (is_function(im, part))
			found = address;
	}
	return found;
}

int image_resolve_thunks(struct image *im)
{
	im->resolved = malloc(im->function_count * sizeof *im->resolved);
	if (!im->resolved)
		return -ENOMEM;
	for (size_t i = 0; i < im->function_count; i++) {
		uint64_t end = image_branch_end(im, im->functions[i].start);
		int64_t index = end ? image_start_at(im, end) : -1;
		im->resolved[i] = index >= 0 ? (uint32_t)index : (uint32_t)i;
	}
	return 0;
}
