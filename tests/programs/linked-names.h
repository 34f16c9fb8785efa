/* SPDX-License-Identifier: MIT */
/*
 * linked-names.h - included in front of exact-live.c: its allocation functions become those of
 * an allocator that is linked in under names of its own (x_malloc, ...), as Rust's and many
 * C programs have it. What libc would take from malloc is made of them here.
 */
#ifndef LINKED_NAMES_H
#define LINKED_NAMES_H

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *x_malloc(size_t), *x_calloc(size_t, size_t), *x_realloc(void *, size_t);
void *x_memalign(size_t, size_t), *x_valloc(size_t), *x_aligned_alloc(size_t, size_t);
int x_posix_memalign(void **, size_t, size_t);
void x_free(void *);

static inline void *x_reallocarray(void *p, size_t count, size_t bytes)
{
	size_t total;
	if (__builtin_mul_overflow(count, bytes, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return x_realloc(p, total);
}

static inline char *x_strndup(const char *s, size_t n)
{
	size_t length = strnlen(s, n);
	char *copy = x_malloc(length + 1);
	if (copy != NULL) {
		memcpy(copy, s, length);
		copy[length] = 0;
	}
	return copy;
}

#define malloc x_malloc
#define calloc x_calloc
#define realloc x_realloc
#define reallocarray x_reallocarray
#define free x_free
#define posix_memalign x_posix_memalign
#define aligned_alloc x_aligned_alloc
#define memalign x_memalign
#define valloc x_valloc
#define pvalloc(n) x_valloc(((n) + 4095) & ~(size_t)4095)
#define strdup(s) x_strndup(s, SIZE_MAX)
#define strndup x_strndup

#endif
