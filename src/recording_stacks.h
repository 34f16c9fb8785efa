/* SPDX-License-Identifier: MIT */
/*
 * recording_stacks.h - the call stacks of a recording: module, frame, stack, stack_total,
 * stack_figure, symbol. As recording.h: untrusted, checked; a recording without these tables
 * has no stacks, which is no error.
 */
#ifndef MEMWHY_RECORDING_STACKS_H
#define MEMWHY_RECORDING_STACKS_H

#include "recording.h"
#include "wire_stack.h"

/* In figures and totals: all the stacks that have no row of their own there. It has no row
 * among the stacks. */
#define RECORDING_STACK_REST WIRE_STACK_NODES

struct recording_stack_module {
	uint32_t id;               /* 1, 2, ... */
	const char *path, *build_id; /* build_id: hex; "" where it has none */
	int64_t low, high, bias;   /* where it was loaded; file address = ip - bias */
};
struct recording_frame {
	uint32_t id;
	uint32_t module_id;        /* 0: in no file */
	uint64_t address;          /* the file's (as its symbol tables have it); of the process where there is no module */
};
struct recording_stack {       /* a trie: ids as in the target's heads */
	uint32_t id, parent;       /* parent: 0: outermost */
	uint32_t frame_id;
	uint32_t flags;            /* WIRE_STACK_* */
};
struct recording_stack_total { uint32_t stack_id; int64_t allocated_bytes, allocations, samples; };
struct recording_stack_figure {
	int64_t snapshot_id;
	uint32_t stack_id;
	int64_t live_bytes, live_blocks, rounding_bytes;
	int64_t pinned_bytes;      /* free bytes on resident pages that this stack's blocks hold; sums to the
	                            * ledger's fragmentation (stack 0: blocks whose stack is not known) */
	int64_t pinned_pages;      /* pages where it is the largest owner */
	int64_t dirty_bytes;       /* dirty pages on which it held the last block that is known */
	int64_t live_error_bytes, pinned_error_bytes; /* standard errors; RECORDING_UNKNOWN: exact */
};
struct recording_symbol {
	uint32_t frame_id, depth;  /* depth 0: the innermost inlined function, then those around it */
	const char *function, *file; /* demangled; NULL: not known */
	int64_t line;              /* 0: not known */
	const char *source;        /* "dwarf", "symtab", "dynsym", "eh_frame": how it is known */
};
/* Order: modules and frames by id, stacks by id (a parent's id may be larger), figures by
 * snapshot, symbols by frame and depth. Strings are borrowed for the call. */
typedef int recording_stack_module_fn(void *arg, const struct recording_stack_module *m);
typedef int recording_frame_fn(void *arg, const struct recording_frame *f);
typedef int recording_stack_fn(void *arg, const struct recording_stack *s);
typedef int recording_stack_total_fn(void *arg, const struct recording_stack_total *t);
typedef int recording_stack_figure_fn(void *arg, const struct recording_stack_figure *f);
typedef int recording_symbol_fn(void *arg, const struct recording_symbol *s);
int recording_each_stack_module(struct recording *r, uint32_t process_id, recording_stack_module_fn *fn, void *arg);
int recording_each_frame(struct recording *r, uint32_t process_id, recording_frame_fn *fn, void *arg);
int recording_each_stack(struct recording *r, uint32_t process_id, recording_stack_fn *fn, void *arg);
int recording_each_stack_total(struct recording *r, uint32_t process_id, recording_stack_total_fn *fn, void *arg);
/* snapshot_id: the recording_snapshot's id. */
int recording_each_stack_figure(struct recording *r, int64_t snapshot_id, recording_stack_figure_fn *fn, void *arg);
int recording_each_symbol(struct recording *r, uint32_t process_id, recording_symbol_fn *fn, void *arg);

#endif
