/* SPDX-License-Identifier: MIT */
/*
 * own_allocator.h - does an executable carry an allocator of its own, linked in?
 *
 * Told by messages that the allocator's source has and that survive stripping. It is a
 * hint with one use: live bytes that the preloaded hooks count are then only libc's part,
 * so they are marked unknown. It names the allocator; it does not find its entry points.
 */
#ifndef MEMWHY_OWN_ALLOCATOR_H
#define MEMWHY_OWN_ALLOCATOR_H

/* The allocator's name ("jemalloc"; static storage), NULL when none is seen or the file
 * can't be read. Thread-safe; a few ms for each 10 MB that is read. */
const char *own_allocator_find(const char *exe_path);

#endif
