/* SPDX-License-Identifier: MIT */
/*
 * mapping_kind.h - what a mapping is by its name, its neighbours and the threads that
 * live in it: everything that page_classify.c asks of a mapping before it looks at pages.
 */
#ifndef MEMWHY_MAPPING_KIND_H
#define MEMWHY_MAPPING_KIND_H

#include "page_classify.h"

struct mapping_traits {
	enum mapping_kind kind;
	bool is_probe_bss;    /* BSS of the probe's own file */
	bool is_guarded;      /* a mapping without permissions lies directly below */
	bool is_arena;        /* [heap], or holds pages that held blocks: glibc's arenas */
	bool may_be_stack;    /* guarded, no block ever, not glibc's alignment: a silent or cached stack */
	bool has_tls;
	uint64_t stack_end;   /* pages below it are a thread's stack; 0: no thread's */
	uint64_t tls_start, tls_end; /* of a thread whose stack is elsewhere (the main one) */
};

/* Of in->mappings->items[index]. previous: the traits of the one before it, or NULL. */
struct mapping_traits mapping_find_traits(const struct classify_input *in, size_t index,
					  const struct mapping_traits *previous);

#endif
