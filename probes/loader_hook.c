/* SPDX-License-Identifier: MIT */
/*
 * loader_hook.c - see loader_hook.h. ld.so calls an empty function (_dl_debug_state, whose
 * address is in _r_debug) so that debuggers can put a breakpoint there. Its `ret` and the
 * padding behind it, which nobody executes, become a jump to us.
 *
 * Hooking dlopen() itself would make the probe the caller, which decides on the namespace and
 * on DT_RUNPATH; and its return comes after the constructors. A debugger that came first has
 * its breakpoint in these bytes: then they aren't what is expected, and all stays as it is.
 */
#define _GNU_SOURCE
#include "loader_hook.h"

#include "patch_text.h"

#include <link.h>
#include <string.h>

#define RET 0xc3
#define BLOCK 16u /* functions begin at such addresses: what is behind a ret is padding up to there */
#define ENDBR_BYTES 4u

static void (*event)(void);

static void on_event(void)
{
	if (__atomic_load_n(&_r_debug.r_state, __ATOMIC_RELAXED) == RT_CONSISTENT)
		event();
}

/* Compilers pad with these; what follows a ret without padding is another function. */
static bool is_padding(const uint8_t *bytes)
{
	static const uint8_t known[][4] = {
		{ 0x66, 0x66, 0x2e, 0x0f }, { 0x66, 0x2e, 0x0f, 0x1f }, { 0x0f, 0x1f, 0x84, 0x00 }, { 0x0f, 0x1f, 0x80, 0x00 },
		{ 0x0f, 0x1f, 0x44, 0x00 }, { 0x0f, 0x1f, 0x40, 0x00 }, { 0x66, 0x0f, 0x1f, 0x44 }, { 0x66, 0x0f, 0x1f, 0x84 },
		{ 0x66, 0x90, 0x66, 0x90 }, { 0x90, 0x90, 0x90, 0x90 }, { 0xcc, 0xcc, 0xcc, 0xcc },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!memcmp(bytes, known[i], sizeof known[i]))
			return true;
	return false;
}

/* Where the ret is, or 0. */
static uint64_t find_ret(uint64_t function)
{
	static const uint8_t endbr64[ENDBR_BYTES] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t bytes[BLOCK];
	if (!function || function % BLOCK || !patch_text_read(function, bytes, sizeof bytes))
		return 0;
	size_t at = memcmp(bytes, endbr64, sizeof endbr64) ? 0 : ENDBR_BYTES;
	return bytes[at] == RET && is_padding(bytes + at + 1) ? function + at : 0;
}

bool loader_hook_install(void (*fn)(void))
{
	uint8_t jump[PATCH_JUMP_BYTES] = { 0xe9 };
	uint64_t at = find_ret(_r_debug.r_brk);
	int64_t distance = (int64_t)((uintptr_t)on_event - (at + PATCH_JUMP_BYTES));
	int32_t near = (int32_t)distance;
	if (!at || near != distance)
		return false;
	event = fn;
	memcpy(jump + 1, &near, sizeof near);
	return patch_text_write(at, jump) == 0;
}
