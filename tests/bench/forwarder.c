/* SPDX-License-Identifier: MIT */
/*
 * forwarder - the least that a preloaded malloc can do: pass the call on. What it costs
 * is the price of interposition itself; bench.py hotpair measures memwhy against it.
 * dlsym allocates before the real functions are known: that comes from a small arena.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static char arena[16384] __attribute__((aligned(16)));
static size_t used;

static void *from_arena(size_t n)
{
	n = (n + 15) & ~(size_t)15;
	if (n > sizeof arena - used)
		return NULL;
	used += n;
	return arena + used - n;
}

__attribute__((noinline, cold))
static void resolve(void)
{
	static int busy;
	if (busy)
		return;
	busy = 1;
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
}

static int in_arena(void *p)
{
	return (char *)p >= arena && (char *)p < arena + sizeof arena;
}

void *malloc(size_t n)
{
	if (__builtin_expect(!real_malloc, 0))
		resolve();
	return real_malloc ? real_malloc(n) : from_arena(n);
}

void free(void *p)
{
	if (__builtin_expect(!real_free, 0))
		resolve();
	if (__builtin_expect(!in_arena(p), 1) && real_free)
		real_free(p);
}

void *calloc(size_t n, size_t m)
{
	if (__builtin_expect(!real_calloc, 0))
		resolve();
	return real_calloc ? real_calloc(n, m) : from_arena(n * m);
}

void *realloc(void *p, size_t n)
{
	if (__builtin_expect(!real_realloc, 0))
		resolve();
	if (real_realloc && !in_arena(p))
		return real_realloc(p, n);
	void *q = malloc(n);
	if (q && p)
		memcpy(q, p, n < (size_t)(arena + sizeof arena - (char *)p) ? n : (size_t)(arena + sizeof arena - (char *)p));
	return q;
}
