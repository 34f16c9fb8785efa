/* SPDX-License-Identifier: MIT */
/* bootstrap.c - see bootstrap.h. A bump pointer; each block has its size in front. */
#include "bootstrap.h"
#include <stdint.h>

#define ARENA_BYTES 32768u
static char arena[ARENA_BYTES] __attribute__((aligned(16)));
static uint32_t arena_used;

void *bootstrap_allocate(size_t bytes)
{
	if (bytes > ARENA_BYTES - 32)
		return NULL;
	uint32_t need = 16 + (((uint32_t)bytes + 15) & ~15u);
	uint32_t at = __atomic_fetch_add(&arena_used, need, __ATOMIC_RELAXED);
	if (at > ARENA_BYTES - need)
		return NULL;
	*(size_t *)(arena + at) = bytes;
	return arena + at + 16;
}

bool bootstrap_owns(const void *p)
{
	return (uintptr_t)p - (uintptr_t)arena < ARENA_BYTES;
}

size_t bootstrap_size(const void *p)
{
	return *(const size_t *)((const char *)p - 16);
}
