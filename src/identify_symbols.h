/* SPDX-License-Identifier: MIT */
/*
 * identify_symbols.h - the functions of an image whose names say that they are an
 * allocator's. Names only nominate: what they do is tested. Pure.
 */
#ifndef MEMWHY_IDENTIFY_SYMBOLS_H
#define MEMWHY_IDENTIFY_SYMBOLS_H

#include "image.h"
#include "wire_plan.h"

#define IDENTIFY_NAMED_MAX 160

struct identify_named {
	uint64_t address;
	uint8_t kind, family;
	bool takes_heap; /* its context argument is what `context` makes */
};
struct identify_symbols {
	struct identify_named named[IDENTIFY_NAMED_MAX]; /* each address once; makers first */
	size_t count;
	uint64_t context;    /* mi_heap_get_default, or 0 */
	uint64_t mi_version; /* or 0 */
};

/* 0 or -errno; count may be 0. */
int identify_symbols_find(struct image *im, struct identify_symbols *ret_symbols);

#endif
