/* SPDX-License-Identifier: MIT */
/*
 * allocator_ops.h - what an allocator is asked at a safe point (introspect.h): its figures
 * and settings, and to give back what it can. One const table for each allocator, in
 * introspect_NAME.c; introspect.c has the list.
 *
 * read() and purge() run with signals held off and this thread marked as busy. They take
 * the allocator's own locks and no others; no stdio, no malloc, no dlsym.
 */
#ifndef MEMWHY_ALLOCATOR_OPS_H
#define MEMWHY_ALLOCATOR_OPS_H

#include "introspect_writer.h"
#include "probe.h"

struct allocator_ops {
	const char *name;        /* as that of its adapter */
	uint8_t family;          /* enum wire_family, where it can be asked when linked in; or 0 */
	/* Looks up what is called later. Once, before recording is on. */
	void (*resolve)(void);
	/* heap: an index into control->heaps. NO_WAY, REFUSED or OK; w has what was had. */
	enum wire_reading_result (*read)(uint32_t heap, struct introspect_writer *w);
	enum wire_reading_result (*purge)(uint32_t heap);
};
extern const struct allocator_ops allocator_glibc, allocator_jemalloc, allocator_mimalloc, allocator_tcmalloc;

#endif
