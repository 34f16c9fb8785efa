/* SPDX-License-Identifier: MIT */
/*
 * wire_stack.h - call stacks in the shared memory: the part of wire.h for `--stacks`.
 *
 * A stack is a node of a trie that is only ever added to: its own frame, and the node of the
 * frames that called it. The node's index is the stack id that a block's head carries
 * (WIRE_STACK_MASK); 0: none was taken. Insertion takes no lock: a node is claimed, filled,
 * and then published by a compare-and-swap at the head of its bucket's chain. A node that
 * lost a race stays unused.
 */
#ifndef MEMWHY_WIRE_STACK_H
#define MEMWHY_WIRE_STACK_H

#include <stdint.h>

enum wire_stack_mode { WIRE_STACKS_NONE, WIRE_STACKS_SAMPLED, WIRE_STACKS_ALL };

#define WIRE_STACK_NODES   (1u << 23)   /* ids 1 .. WIRE_STACK_NODES - 1 */
#define WIRE_STACK_BUCKETS (1u << 20)   /* of the trie; a power of two */
#define WIRE_STACK_CACHE   (1u << 20)   /* whole stacks by hash: the probe's own, no meaning to others */
#define WIRE_STACK_DEPTH   256u         /* frames of a stack; what is further out is cut off */

struct wire_stack_node {
	uint64_t ip;              /* of the call: the return address less 1; of the innermost frame of
	                           * a signal frame's interrupted code: the address itself */
	uint32_t parent;          /* the caller's node; 0: outermost */
	uint32_t next;            /* in the bucket's chain; 0: end */
};
/* flags of a stack, in its total: why it has no more frames */
#define WIRE_STACK_CUT       1u /* deeper than WIRE_STACK_DEPTH */
#define WIRE_STACK_NO_TABLES 2u /* it ends in code without unwind tables */
#define WIRE_STACK_FOLDED    4u /* recursion was folded */

/* For each node: what was allocated there. Atomic adds, relaxed.
 * Sampled: sums of the estimates, and their squared errors; all: the plain sums. */
struct wire_stack_total {
	uint64_t allocated_bytes, allocations;
	uint32_t samples;         /* stacks that were taken */
	uint32_t flags;
};

struct wire_stacks { /* the head, at WIRE_OFF_STACKS */
	uint32_t mode;            /* c: enum wire_stack_mode, before the welcome */
	uint32_t nodes_used;      /* p, atomic: next node to claim; starts at 1 */
	uint64_t mean_bytes;      /* c: of the Poisson sampling */
	uint64_t lost;            /* p: stacks that found no room */
	uint64_t failed;          /* p: stacks that could not be taken at all */
	uint64_t taken;           /* p: in steps of 64 of a thread; exact: the sum of all threads'
	                           * wire_thread.stacks_taken */
	uint64_t pad[3];
};

#define WIRE_STACKS_HEAD_BYTES   4096ull
#define WIRE_STACKS_OFF_BUCKETS  WIRE_STACKS_HEAD_BYTES
#define WIRE_STACKS_OFF_CACHE    (WIRE_STACKS_OFF_BUCKETS + WIRE_STACK_BUCKETS * 4ull)
#define WIRE_STACKS_OFF_NODES    (WIRE_STACKS_OFF_CACHE + WIRE_STACK_CACHE * 16ull)
#define WIRE_STACKS_OFF_TOTALS   (WIRE_STACKS_OFF_NODES + WIRE_STACK_NODES * 16ull)
/* The probe's own: the unwinder's rules by address, and room for each thread slot's frames. */
#define WIRE_STACK_RULES         (1u << 16)
#define WIRE_STACKS_OFF_RULES    (WIRE_STACKS_OFF_TOTALS + WIRE_STACK_NODES * 24ull)
#define WIRE_STACKS_OFF_FRAMES   (WIRE_STACKS_OFF_RULES + WIRE_STACK_RULES * 16ull)
#define WIRE_STACK_FRAMES_BYTES  16384ull
#define WIRE_STACKS_BYTES        (WIRE_STACKS_OFF_FRAMES + 16384 * WIRE_STACK_FRAMES_BYTES) /* WIRE_THREADS_MAX */

_Static_assert(sizeof(struct wire_stack_node) == 16, "wire_stack_node");
_Static_assert(sizeof(struct wire_stack_total) == 24, "wire_stack_total");

#endif
