/* SPDX-License-Identifier: MIT */
/*
 * wire_reading.h - what the allocators say of themselves, and what a purge gave back: the
 * part of wire.h for struct allocator_ops. The same rules hold: hostile peer, fixed widths.
 *
 * A reading is made by a thread of the target at a safe point: at the entry of an allocation
 * hook, outside of every allocator and of every signal handler. It is asked for by an errand
 * (control->errand), which the collector sets together with control->freeze = WIRE_FREEZE_LOOK
 * (nobody waits; one thread takes the errand) or while it holds the threads (freeze = 1).
 */
#ifndef MEMWHY_WIRE_READING_H
#define MEMWHY_WIRE_READING_H

#include <stdint.h>

enum wire_figure {
#define FIGURE(name, unit, meaning) WIRE_FIGURE_##name,
#include "wire_figures.def"
#undef FIGURE
	WIRE_FIGURES
};

/* control->freeze: 0 go on; 1 wait; 2 look at the errands and go on. */
#define WIRE_FREEZE_LOOK 2u
/* control->errand, bits; the thread that takes them clears them (atomic exchange). */
#define WIRE_ERRAND_READ  1u
#define WIRE_ERRAND_PURGE 2u

enum wire_reading_result {
	WIRE_READING_NONE,        /* never tried */
	WIRE_READING_OK,
	WIRE_READING_NOT_SAFE,    /* the thread was inside a signal handler or an allocator */
	WIRE_READING_NO_WAY,      /* this allocator has no interface that can be reached */
	WIRE_READING_REFUSED,     /* it has one, and it answered none of the names */
	WIRE_READING_TOO_DEAR,    /* the walk through its free blocks would take too much of the run */
	WIRE_READING_RESULTS
};

#define WIRE_ARENA_ALL (-1)
struct wire_reading_value {
	uint16_t figure, pad;     /* enum wire_figure */
	int32_t arena;            /* or WIRE_ARENA_ALL */
	int64_t value;
};

/* One for each heap. Written under a sequence lock: seq is odd meanwhile, and even and larger
 * when a new reading is complete. */
#define WIRE_READING_BYTES 0x20000u
#define WIRE_READING_TEXT  4096u
#define WIRE_READING_VALUES ((WIRE_READING_BYTES - WIRE_READING_TEXT - 64) / 16)
struct wire_reading {
	uint32_t seq, result;     /* enum wire_reading_result */
	uint64_t time_ns, took_ns;/* CLOCK_MONOTONIC: its begin, and how long it took */
	uint32_t count;           /* of values */
	uint32_t text_bytes;
	uint64_t values_lost;     /* had no room */
	uint64_t not_safe;        /* readings that were not made for that reason, so far */
	uint64_t cpu_ns;          /* of took_ns, this thread's own time */
	uint64_t pad[1];
	struct wire_reading_value values[WIRE_READING_VALUES];
	char text[WIRE_READING_TEXT]; /* settings, each "name=value\n", in the allocator's own words */
};

/* The last purge. Filled before WIRE_REQUEST_PURGED is sent. */
struct wire_purge {
	uint32_t count;           /* purges that were made so far */
	uint32_t result;          /* enum wire_reading_result, of the last try */
	uint32_t heaps;           /* bit i: heaps[i] was purged */
	uint32_t pad;
	uint64_t begin_ns, end_ns;/* CLOCK_MONOTONIC, around the allocators' calls alone */
};

_Static_assert(sizeof(struct wire_reading_value) == 16, "wire_reading_value");
_Static_assert(sizeof(struct wire_reading) <= WIRE_READING_BYTES, "wire_reading");

#endif
