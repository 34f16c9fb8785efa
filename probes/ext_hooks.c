/* SPDX-License-Identifier: MIT */
/*
 * ext_hooks.c - the allocators' own entry points: jemalloc's *allocx, mimalloc's mi_*,
 * gperftools' tc_*. Not exported: redirected in the importers' tables (got.h), and only
 * when the allocator behind malloc provides them. A module that is loaded later is looked
 * at when a thread next publishes its counts (ext_hooks_check()).
 */
#define _GNU_SOURCE
#include "ext_hooks.h"
#include "got.h"
#include "record.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

enum ext_index {
#define EXT_NEW(name, params, args, bytes, alignment) EXT_##name,
#define EXT_RENEW(name, params, args, bytes, alignment) EXT_##name,
#define EXT_FREE(name, params, args) EXT_##name,
#include "hooks_ext.def"
	EXT_xallocx,
	EXT_COUNT
};

static void *provided[EXT_COUNT];

static void book_new(void *p, size_t bytes, size_t alignment)
{
	struct recorder r;
	int saved = errno;
	if (p && recorder_begin(&r)) {
		if (alignment)
			record_aligned(r, p, bytes);
		else
			record_alloc(r, p, bytes);
	}
	errno = saved;
}

static void book_free(void *p, void *caller)
{
	struct recorder r;
	if (!p || !recorder_begin(&r))
		return;
	struct record_place at = record_find(p);
	if (at.word)
		record_free(r, p, at);
	else
		record_unknown(r, p, false, caller);
}

/* What is taken out before the real call, so that it can be put back when that fails. */
struct taken { struct recorder r; struct shadow_block block; uint32_t stack; bool was_live; };

static struct taken take(void *p, void *caller)
{
	struct taken t = { 0 };
	if (!p || !recorder_begin(&t.r))
		return t;
	struct record_place at = record_find(p);
	t.was_live = at.word != NULL;
	if (t.was_live) {
		t.block = shadow_decode(at.word, *at.word);
		t.stack = *at.word & WIRE_STACK_MASK;
		record_free(t.r, p, at);
	} else {
		record_unknown(t.r, p, true, caller);
	}
	return t;
}

/* Failed: as if nothing had been, in the counts too. */
static void put_back(const struct taken *t, void *p)
{
	if (!t->was_live)
		return;
	record_block_again(t->r, p, t->block.requested, t->block.footprint, 0, t->stack);
	t->r.t->freed_bytes -= t->block.requested;
	t->r.t->frees--;
	t->r.t->delta_bytes += (int64_t)t->block.requested;
}

#define CALLER __builtin_return_address(0)

#define EXT_NEW(name, params, args, bytes, alignment)                      \
	static void *hook_##name params                                    \
	{                                                                  \
		void *p = ((void *(*) params)provided[EXT_##name])args;    \
		book_new(p, bytes, alignment);                             \
		return p;                                                  \
	}
#define EXT_RENEW(name, params, args, bytes, alignment)                    \
	static void *hook_##name params                                    \
	{                                                                  \
		struct taken t = take(p, CALLER);                          \
		void *q = ((void *(*) params)provided[EXT_##name])args;    \
		if (q)                                                     \
			book_new(q, bytes, alignment);                     \
		else if ((bytes) != 0)                                     \
			put_back(&t, p);                                   \
		return q;                                                  \
	}
#define EXT_FREE(name, params, args)                                       \
	static void hook_##name params                                     \
	{                                                                  \
		book_free(p, CALLER);                                      \
		((void (*) params)provided[EXT_##name])args;               \
	}
#include "hooks_ext.def"

/* Resizes in place: the block keeps its address whatever comes of it. */
static size_t hook_xallocx(void *p, size_t bytes, size_t extra, int flags)
{
	struct taken t = take(p, CALLER);
	size_t usable = ((size_t(*)(void *, size_t, size_t, int))provided[EXT_xallocx])(p, bytes, extra, flags);
	if (usable >= bytes)
		book_new(p, bytes, 1);
	else
		put_back(&t, p);
	return usable;
}

static struct got_redirect table[] = {
#define EXT_NEW(name, params, args, bytes, alignment) { #name, (void *)(uintptr_t)hook_##name, &provided[EXT_##name], 0, 0 },
#define EXT_RENEW(name, params, args, bytes, alignment) { #name, (void *)(uintptr_t)hook_##name, &provided[EXT_##name], 0, 0 },
#define EXT_FREE(name, params, args) { #name, (void *)(uintptr_t)hook_##name, &provided[EXT_##name], 0, 0 },
#include "hooks_ext.def"
	{ "xallocx", (void *)(uintptr_t)hook_xallocx, &provided[EXT_xallocx], 0, 0 },
};

static unsigned long long objects_seen; /* ld.so's count of loads at the last look */
static bool wanted;

static int count_loads(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(unsigned long long *)arg = info->dlpi_adds;
	return 1;
}

void ext_hooks_check(void)
{
	unsigned long long loads = 0;
	if (likely(!wanted))
		return;
	dl_iterate_phdr(count_loads, &loads);
	if (__atomic_exchange_n(&objects_seen, loads, __ATOMIC_RELAXED) != loads)
		got_redirect_all(table, EXT_COUNT);
}

void ext_hooks_install(uintptr_t provider_low, uintptr_t provider_high)
{
	for (size_t i = 0; i < EXT_COUNT; i++) {
		void *found = dlsym(RTLD_NEXT, table[i].name);
		bool ours = (uintptr_t)found >= provider_low && (uintptr_t)found < provider_high;
		provided[i] = ours ? found : NULL;
		table[i].skip_low = provider_low;
		table[i].skip_high = provider_high;
		wanted |= ours;
	}
	ext_hooks_check();
}
