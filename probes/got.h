/* SPDX-License-Identifier: MIT */
/*
 * got.h - redirects imported functions by the global offset tables of loaded objects.
 *
 * For names that the probe must not export: a program that asks through a weak symbol
 * whether it runs on jemalloc (`if (&mallocx)`) would be told that it does. So these are
 * redirected only where they are imported and somebody provides them.
 */
#ifndef MEMWHY_GOT_H
#define MEMWHY_GOT_H

#include <stddef.h>
#include <stdint.h>

struct got_redirect {
	const char *name;
	void *hook;
	void **real;  /* out: the provider's function; NULL when nobody has it */
	uintptr_t skip_low, skip_high; /* objects in here are left alone: the provider itself */
};

/* Goes through every loaded object's relocations. A slot is written with one store; a
 * read-only one (RELRO) is opened for it and closed again. Slots that hold a hook already
 * are left. Allocates nothing; takes ld.so's list lock. Returns the slots redirected. */
size_t got_redirect_all(const struct got_redirect *table, size_t count);

#endif
