/* SPDX-License-Identifier: MIT */
/*
 * identify_other.c - the contracts of what neither makes nor frees, whether one entry is
 * reached by every call of another (rule 10), and the table of all contracts.
 */
#define _GNU_SOURCE
#include "identify.h"
#include "life.h"

#include <string.h>
#include <sys/mman.h>

#define KNOWN c->known, c->context

/* Begins with a zero, so that no strlen() finds a size. */
static void fill_behind_zero(struct identify_block *b, uint64_t p, uint32_t n)
{
	*(volatile uint8_t *)p = 0;
	identify_fill(b, p + 1, n - 1);
}

/* jemalloc resizes in place what is large, and says what it came to; what is small stays as it
 * is. Both keep their contents, which what only looks like it (batch_alloc) writes over. */
bool identify_xallocx(const struct identify_case *c)
{
	const uint32_t whole = 64 << 10, half = 32 << 10, small = 32;
	uint64_t f = c->candidate.address, p = identify_make(KNOWN, whole), q = identify_make(KNOWN, small);
	struct identify_block large, little;
	if (!identify_is_block(p) || !identify_is_block(q))
		return false;
	fill_behind_zero(&large, p, whole);
	fill_behind_zero(&little, q, small);
	uint64_t same = identify_call(f, p, whole, 0, 0), less = identify_call(f, p, half, 0, 0);
	uint64_t stays = identify_call(f, q, whole, 0, 0);
	return same >= whole && same < 2 * whole && less >= half && less < whole && stays >= small &&
	       stays < 2 * small && identify_holds(&large, half - 1) && identify_holds(&little, small - 1);
}

bool identify_usable_size(const struct identify_case *c)
{
	static const uint32_t sizes[] = { 16, 100, 1000, 5000, 40000 };
	struct identify_block b[2 * sizeof sizes / sizeof *sizes];
	for (size_t i = 0; i < sizeof b / sizeof *b; i++) {
		uint64_t n = sizes[i / 2], p = identify_make(KNOWN, n);
		if (!identify_is_block(p))
			return false;
		*(volatile uint8_t *)p = 0; /* no strlen() */
		uint64_t usable = identify_call(c->candidate.address, p);
		if (usable < n || usable > 2 * n + 64)
			return false;
		identify_fill(&b[i], p, (uint32_t)usable);
	}
	for (size_t i = 0; i < sizeof b / sizeof *b; i++)
		if (!identify_holds(&b[i], b[i].bytes))
			return false;
	return true;
}

static void copy_version(char *to, const char *from)
{
	size_t n = 0;
	/* "5.3.0-1-g" and the commit, which tells nobody more */
	for (; n < 31 && from[n] > ' ' && from[n] < 127 && (from[n] != '-' || from[n + 1] != 'g'); n++)
		to[n] = from[n];
	to[n] = 0;
}

static int ask(uint64_t mallctl, const char *name, void *value, uint64_t *length)
{
	return (int)identify_call(mallctl, (uintptr_t)name, (uintptr_t)value, (uintptr_t)length);
}

bool identify_mallctl(const struct identify_case *c)
{
	static const char *version;
	static uint32_t arenas;
	static uint64_t length;
	uint64_t f = c->candidate.address;
	length = sizeof version;
	if (ask(f, "version", &version, &length) != 0 || !version)
		return false;
	length = sizeof arenas;
	if (ask(f, "arenas.narenas", &arenas, &length) != 0 || length != sizeof arenas)
		return false;
	if (arenas == 0 || arenas > 65536 ||
	    ask(f, "memwhy.unknown", &arenas, &length) != ENOENT)
		return false;
	copy_version(c->result->text, version);
	return true;
}

/* ---- outer and inner ------------------------------------------------------------------- */

#define BYTES 64
#define WARM 32
/* One that is in the cache first; then what other ways through the function may be for. */
static const uint32_t call_bytes[IDENTIFY_WRAPS_CALLS] = { BYTES, BYTES, 400, 3000, 20000, 70000, 300000, BYTES };
static uint64_t prepared[IDENTIFY_WRAPS_CALLS];

static const struct identify_entry *find_free(const struct identify_case *c)
{
	for (uint32_t i = 0; i < c->known_count; i++)
		if (c->known[i].kind == WIRE_ENTRY_FREE)
			return &c->known[i];
	return NULL;
}

/* The way of the second call is that of a cache which is neither empty nor full. */
static void warm_up(const struct identify_case *c, const struct identify_entry *release)
{
	static uint64_t p[WARM];
	bool makes = identify_kind_makes(c->candidate.kind);
	for (unsigned i = 0; i < WARM; i++)
		p[i] = identify_make(makes ? &c->candidate : c->known, c->context, BYTES);
	for (unsigned i = 0; i < WARM; i++)
		if (c->candidate.kind == WIRE_ENTRY_FREE)
			identify_call(c->candidate.address, p[i], BYTES);
		else if (release)
			identify_call(release->address, p[i], BYTES);
}

static bool plant(uint64_t at)
{
	uint64_t page = at & ~4095ull;
	if (life_syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		return false;
	*(volatile uint8_t *)at = 0xcc;
	return true;
}

bool identify_wraps_prepare(const struct identify_case *c)
{
	const struct identify_entry *release = find_free(c);
	warm_up(c, release);
	warm_up(c, release);
	for (unsigned i = 0; i < IDENTIFY_WRAPS_CALLS; i++)
		prepared[i] = identify_make(KNOWN, call_bytes[i]);
	for (uint32_t i = 0; i < c->known_count; i++)
		if (c->known[i].trap && !plant(c->known[i].address))
			return false;
	return true;
}

/* A realloc that stays, one that moves, one that makes: rallocx never makes one. */
static void call_resizer(const struct identify_case *c, unsigned i)
{
	bool makes = i % 4 == 2 && c->candidate.kind != WIRE_ENTRY_RALLOCX;
	uint64_t n = i % 2 ? 4 * call_bytes[i] : call_bytes[i];
	uint64_t align = c->candidate.kind == WIRE_ENTRY_REALLOC_ALIGNED ? 16 : 0;
	identify_call(c->candidate.address, makes ? 0 : prepared[i], n, align);
}

bool identify_wraps_call(const struct identify_case *c)
{
	static unsigned number;
	unsigned i = number++ % IDENTIFY_WRAPS_CALLS;
	if (identify_kind_makes(c->candidate.kind))
		identify_make(&c->candidate, c->context, call_bytes[i]);
	else if (c->candidate.kind == WIRE_ENTRY_FREE)
		identify_call(c->candidate.address, prepared[i], call_bytes[i]);
	else
		call_resizer(c, i);
	return true;
}

/* ---- the table ---------------------------------------------------------------------------- */

enum needs { NUMBERS, A_BLOCK, NOTHING };
static const struct { identify_contract *contract; uint8_t needs; bool makes; } contracts[WIRE_ENTRY_KINDS] = {
	[WIRE_ENTRY_MALLOC] = { identify_malloc, NUMBERS, true },
	[WIRE_ENTRY_MALLOCX] = { identify_mallocx, NUMBERS, true },
	[WIRE_ENTRY_MALLOC_ALIGNED] = { identify_malloc_aligned, NUMBERS, true },
	[WIRE_ENTRY_CALLOC] = { identify_calloc, NUMBERS, true },
	[WIRE_ENTRY_CALLOC_ALIGNED] = { identify_calloc_aligned, NUMBERS, true },
	[WIRE_ENTRY_ALIGNED_ALLOC] = { identify_aligned_alloc, NUMBERS, true },
	[WIRE_ENTRY_POSIX_MEMALIGN] = { identify_posix_memalign, NUMBERS, true },
	[WIRE_ENTRY_VALLOC] = { identify_valloc, NUMBERS, true },
	[WIRE_ENTRY_PVALLOC] = { identify_valloc, NUMBERS, true },
	[WIRE_ENTRY_CTX_MALLOC] = { identify_ctx_malloc, NUMBERS, true },
	[WIRE_ENTRY_CTX_CALLOC] = { identify_ctx_calloc, NUMBERS, true },
	[WIRE_ENTRY_FREE] = { identify_free, A_BLOCK, false },
	[WIRE_ENTRY_CTX_FREE] = { identify_ctx_free, A_BLOCK, false },
	[WIRE_ENTRY_REALLOC] = { identify_realloc, A_BLOCK, false },
	[WIRE_ENTRY_RALLOCX] = { identify_rallocx, A_BLOCK, false },
	[WIRE_ENTRY_REALLOC_ALIGNED] = { identify_realloc_aligned, A_BLOCK, false },
	[WIRE_ENTRY_RECALLOC] = { identify_recalloc, A_BLOCK, false },
	[WIRE_ENTRY_CTX_REALLOC] = { identify_ctx_realloc, A_BLOCK, false },
	[WIRE_ENTRY_CTX_REALLOC_OLD] = { identify_ctx_realloc_old, A_BLOCK, false },
	[WIRE_ENTRY_XALLOCX] = { identify_xallocx, A_BLOCK, false },
	[WIRE_ENTRY_USABLE_SIZE] = { identify_usable_size, A_BLOCK, false },
	[WIRE_ENTRY_MALLCTL] = { identify_mallctl, NOTHING, false },
};

identify_contract *identify_contract_for(uint32_t kind)
{
	return kind < WIRE_ENTRY_KINDS ? contracts[kind].contract : NULL;
}

bool identify_kind_makes(uint32_t kind)
{
	return kind < WIRE_ENTRY_KINDS && contracts[kind].makes;
}

bool identify_kind_needs_known(uint32_t kind)
{
	return kind < WIRE_ENTRY_KINDS && contracts[kind].needs == A_BLOCK;
}
