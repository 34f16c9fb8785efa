/* SPDX-License-Identifier: MIT */
/*
 * probe_state.h - what a probe says about itself, for people: its state in words and
 * the heaps that it found. The control block is the target's to write: everything is
 * read once, bounded and NUL-terminated.
 */
#ifndef MEMWHY_PROBE_STATE_H
#define MEMWHY_PROBE_STATE_H

#include "wire.h"

/* "on", or one clause that says why not. */
void probe_state_text(const struct wire_control *control, char *ret_text, size_t size);
/* "jemalloc"; "malloc" for one that nobody knows. */
const char *probe_state_family_name(uint32_t family);
/* A clause: why a plan was not carried out (enum patch_result). */
const char *probe_state_patch_text(uint32_t result);
void probe_state_heaps(const struct wire_control *control, struct wire_heap ret_heaps[WIRE_HEAPS]);

#endif
