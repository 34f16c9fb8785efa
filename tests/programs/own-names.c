/* SPDX-License-Identifier: MIT */
/*
 * own-names pattern|baseline - calls an allocator by its own names (jemalloc's *allocx,
 * mimalloc's mi_*, gperftools' tc_*), mixed with malloc and free.
 *
 * Model: what was asked for and not given back is live, to the byte; each call counts
 * once. Without -DJEMALLOC, -DMIMALLOC or -DTCMALLOC it asks, as programs do, through weak
 * symbols whether it runs on such an allocator, and must be told that it does not.
 * Compiled by own_names.sh, against the allocator's shared object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long live, allocations, frees;

static void *took(void *p, size_t n)
{
	if (!p)
		_exit(9);
	memset(p, 0x5a, n);
	live += (long)n;
	allocations++;
	return p;
}

static void gone(size_t n)
{
	live -= (long)n;
	frees++;
}

#if defined JEMALLOC
void *mallocx(size_t, int);
void *rallocx(void *, size_t, int);
size_t xallocx(void *, size_t, size_t, int);
void dallocx(void *, int);
void sdallocx(void *, size_t, int);
#define ALIGN_64 6 /* MALLOCX_ALIGN(64): the logarithm */
static void pattern(void)
{
	void *a = took(mallocx(100, ALIGN_64), 100), *b = took(mallocx(8, 0), 8);
	a = took(rallocx(a, 5000, 0), 5000);
	gone(100);
	if (xallocx(a, 5100, 0, 0) >= 5100) { /* the same class: always */
		took(a, 5100);
		gone(5000);
	}
	took(mallocx(70000, 0), 70000);
	dallocx(b, 0);
	gone(8);
	b = took(malloc(333), 333);
	sdallocx(b, 333, 0);
	gone(333);
	b = took(mallocx(44, 0), 44);
	free(b);
	gone(44);
}
#elif defined MIMALLOC
void *mi_malloc(size_t);
void *mi_zalloc_aligned(size_t, size_t);
void *mi_calloc(size_t, size_t);
void *mi_realloc(void *, size_t);
void mi_free(void *);
static void pattern(void)
{
	void *a = took(mi_malloc(100), 100), *b = took(mi_zalloc_aligned(300, 128), 300);
	a = took(mi_realloc(a, 5000), 5000);
	gone(100);
	took(mi_calloc(7, 11), 77);
	mi_free(b);
	gone(300);
	b = took(malloc(333), 333);
	mi_free(b);
	gone(333);
	b = took(mi_malloc(44), 44);
	free(b);
	gone(44);
}
#elif defined TCMALLOC
void *tc_malloc(size_t);
void *tc_memalign(size_t, size_t);
void *tc_realloc(void *, size_t);
void tc_free(void *);
static void pattern(void)
{
	void *a = took(tc_malloc(100), 100), *b = took(tc_memalign(128, 300), 300);
	a = took(tc_realloc(a, 5000), 5000);
	gone(100);
	tc_free(b);
	gone(300);
	b = took(malloc(333), 333);
	tc_free(b);
	gone(333);
	b = took(tc_malloc(44), 44);
	free(b);
	gone(44);
}
#else
extern void *mallocx(size_t, int) __attribute__((weak));
extern void *mi_malloc(size_t) __attribute__((weak));
extern void *tc_malloc(size_t) __attribute__((weak));
static void pattern(void)
{
	printf("weak %d %d %d\n", mallocx != NULL, mi_malloc != NULL, tc_malloc != NULL);
	took(malloc(55), 55);
}
#endif

int main(int argc, char **argv)
{
	setvbuf(stdout, malloc(4096), _IOFBF, 4096); /* in both runs, and before anything counts */
	if (argc > 1 && strcmp(argv[1], "pattern") == 0)
		pattern();
	printf("counter live_requested_bytes %ld\ncounter allocations %ld\ncounter frees %ld\n", live, allocations, frees);
	fflush(stdout);
	_exit(0);
}
