/* SPDX-License-Identifier: MIT */
/*
 * exact-live ENDING [baseline|pvalloc] - a known pattern through every C allocation function,
 * part of it freed, then the end that ENDING names (return, exit, _exit, _Exit, quick_exit,
 * abort, thread, term, kill, segv).
 *
 * Model: what the program asked for and did not free is live, to the byte, whatever the
 * allocator rounds it to. A zero-size block is a block of 0 bytes. A call that fails
 * changes nothing. realloc counts as one allocation and one free. "baseline" skips the
 * pattern: what remains then is libc's and the allocator's own, and is to be subtracted.
 */
#include "say.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>

static struct { long live_bytes, blocks, allocations, frees; } expected;
static int errno_lost;

static void *took(void *p, size_t n)
{
	if (p == NULL)
		return NULL;
	expected.live_bytes += (long)n;
	expected.blocks++;
	expected.allocations++;
	memset(p, 0x5a, n);
	return p;
}

static void *must_take(void *p, size_t n)
{
	MUST(p != NULL);
	return took(p, n);
}

static void gone(size_t n)
{
	expected.live_bytes -= (long)n;
	expected.blocks--;
	expected.frees++;
}

static void give(void *p, size_t n)
{
	if (p != NULL)
		gone(n);
	errno = 1234;
	free(p);
	errno_lost += errno != 1234;
}

static void *change(void *p, size_t before, size_t after)
{
	char *q = realloc(p, after);
	MUST(q != NULL);
	if (p != NULL) {
		gone(before);
		size_t kept = before < after ? before : after;
		MUST(kept == 0 || (q[0] == 0x5a && q[kept - 1] == 0x5a));
	}
	return took(q, after);
}

/* Sizes around every edge that an allocator or a shadow word could have. */
static void mallocs(void)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40, 41, 47, 48,
		49, 63, 64, 65, 96, 127, 128, 129, 1000, 1024, 1025, 4080, 4095, 4096, 4097, 8192, 14336, 32768,
		65535, 65536, 131040, 131070, 131071, 131072, 131073, 135168, 200000, 1048576, 1048577,
		/* the last stays: it lies in several regions of any shadow map, whole ones among them */
		4194304, 33554431, 33554432, 34603013, 104857605 };
	void *p[COUNT(sizes)];
	for (size_t i = 0; i < COUNT(sizes); i++)
		p[i] = must_take(malloc(sizes[i]), sizes[i]);
	for (size_t i = 0; i < COUNT(sizes); i += 2)
		give(p[i], sizes[i]);
	give(NULL, 0);
}

static void callocs(void)
{
	static const size_t pairs[][2] = { { 0, 5 }, { 5, 0 }, { 3, 7 }, { 1, 8 }, { 2, 8 }, { 100, 41 },
		{ 1000, 1000 }, { 1, 135000 }, { 9, 4194304 } };
	volatile size_t huge = SIZE_MAX / 2;
	void *p[COUNT(pairs)];
	for (size_t i = 0; i < COUNT(pairs); i++) {
		p[i] = calloc(pairs[i][0], pairs[i][1]);
		MUST(p[i] != NULL);
		MUST(pairs[i][0] * pairs[i][1] == 0 || *(char *)p[i] == 0);
		took(p[i], pairs[i][0] * pairs[i][1]);
	}
	for (size_t i = 1; i < COUNT(pairs); i += 2)
		give(p[i], pairs[i][0] * pairs[i][1]);
	MUST(calloc(huge, 3) == NULL);
}

static void reallocs(void)
{
	static const size_t steps[] = { 10, 20, 24, 25, 1000, 999, 100000, 131071, 131072, 131073, 3000000,
		42000000, 41000000, 5000000, 5000000, 200000, 100, 100, 8, 16, 17 };
	volatile size_t huge = PTRDIFF_MAX;
	void *p = NULL, *keep = must_take(malloc(77), 77);
	size_t size = 0;
	for (size_t i = 0; i < COUNT(steps); i++) {
		p = change(p, size, steps[i]);
		size = steps[i];
	}
	MUST(realloc(p, huge) == NULL);
	p = change(p, size, 60); /* the block that a failed realloc left alone */
	give(p, 60);
	gone(77);
	took(realloc(keep, 0), 0); /* freed, or a block of no bytes: the allocator's choice */
}

static void reallocarrays(void)
{
	volatile size_t huge = SIZE_MAX / 2;
	void *p = must_take(reallocarray(NULL, 10, 13), 130);
	MUST(reallocarray(p, huge, 4) == NULL);
	p = reallocarray(p, 100, 30);
	MUST(p != NULL);
	gone(130);
	took(p, 3000);
	give(must_take(reallocarray(NULL, 4, 4), 16), 16);
}

static void *by_posix_memalign(size_t alignment, size_t size)
{
	void *p = NULL;
	MUST(posix_memalign(&p, alignment, size) == 0);
	MUST((uintptr_t)p % alignment == 0);
	return must_take(p, size);
}

static void aligned(void)
{
	void *untouched = &expected;
	volatile size_t bad = 3, huge = PTRDIFF_MAX / 2;
	give(by_posix_memalign(8, 24), 24);
	by_posix_memalign(64, 100);
	by_posix_memalign(4096, 5000);
	give(by_posix_memalign(65536, 70000), 70000);
	by_posix_memalign(2097152, 2097152);
	MUST(posix_memalign(&untouched, bad, 100) == EINVAL);
	MUST(posix_memalign(&untouched, 64, huge) == ENOMEM);
	MUST(untouched == &expected);
	must_take(aligned_alloc(256, 512), 512);
	give(must_take(aligned_alloc(16, 32), 32), 32);
	must_take(memalign(32, 40), 40);
	give(must_take(memalign(128, 1000), 1000), 1000);
	must_take(valloc(100), 100);
	give(must_take(valloc(8192), 8192), 8192);
	change(must_take(memalign(64, 200), 200), 200, 400);
}

/* By its definition pvalloc asks for whole pages. Apart: jemalloc 5.3 leaves it to glibc (free of
 * such a block crashes), and valgrind aborts the program. */
static void page_aligned(void)
{
	must_take(pvalloc(100), PAGE);
	give(must_take(pvalloc(4097), 2 * PAGE), 2 * PAGE);
}

/* jemalloc and mimalloc put 8-byte blocks at addresses that are 8 mod 16. */
static void eight_bytes(void)
{
	static void *p[3000];
	for (size_t i = 0; i < COUNT(p); i++)
		p[i] = must_take(malloc(8), 8);
	for (size_t i = 0; i < COUNT(p); i++)
		if (i % 3 != 0)
			give(p[i], 8);
		else if (i % 2 != 0)
			p[i] = change(p[i], 8, 5);
}

static void strings(void)
{
	char *p = strdup("sixteen letters.");
	MUST(p != NULL);
	took(p, 17);
	p = strndup("sixteen letters.", 7);
	MUST(p != NULL);
	took(p, 8);
	give(p, 8);
	took(strdup(""), 1);
}

static void mixture(void)
{
	static struct { void *p; size_t n; } slot[4000];
	uint64_t state = 42;
	for (int i = 0; i < 60000; i++) {
		size_t s = next_random(&state) % COUNT(slot);
		size_t n = next_random(&state) % (i % 50 ? 600 : 70000);
		if (slot[s].p != NULL && i % 3 == 0) {
			slot[s].p = change(slot[s].p, slot[s].n, n + 1);
			slot[s].n = n + 1;
		} else if (slot[s].p != NULL) {
			give(slot[s].p, slot[s].n);
			slot[s].p = NULL;
		} else {
			slot[s].p = must_take(i % 2 ? malloc(n) : memalign(16u << n % 5, n), n);
			slot[s].n = n;
		}
	}
}

static void *exit_from_here(void *arg)
{
	exit(*(int *)arg);
}

int main(int argc, char **argv)
{
	const char *ending = argc > 1 ? argv[1] : "return";
	int status = 3;
	if (argc <= 2 || strcmp(argv[2], "baseline")) {
		mallocs();
		callocs();
		reallocs();
		reallocarrays();
		aligned();
		eight_bytes();
		strings();
		mixture();
		if (argc > 2 && !strcmp(argv[2], "pvalloc"))
			page_aligned();
	}
	say("counter live_requested_bytes %ld\n", expected.live_bytes);
	say("counter allocations %ld\ncounter frees %ld\n", expected.allocations, expected.frees);
	say("blocks %ld\nerrno_lost %d\n", expected.blocks, errno_lost);
	if (!strcmp(ending, "return"))
		return status;
	if (!strcmp(ending, "thread")) {
		pthread_t t;
		MUST(pthread_create(&t, NULL, exit_from_here, &status) == 0);
		pthread_join(t, NULL);
	}
	end_by(ending, status);
}
