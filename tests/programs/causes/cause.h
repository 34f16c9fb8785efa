/* SPDX-License-Identifier: MIT */
/*
 * cause.h - programs whose memory has one known cause, each also without it ("fixed").
 *
 * A program is a line in the const table at the end of its file. What it is run under and what
 * must be said of it stands in causes/cases. Blocks are chained through their own first word:
 * a table of pointers would be memory of its own.
 */
#ifndef TESTS_CAUSE_H
#define TESTS_CAUSE_H

#include "../say.h"

struct cause {
	const char *name;
	void (*run)(long parameter, int fixed);
	long parameter;
};

/* Each ends with a line whose name is NULL. */
extern const struct cause causes_retained[], causes_layout[], causes_threads[], causes_mappings[];

struct block { struct block *next; };

/* One touched block of size_bytes. */
struct block *cause_block(size_t size_bytes);
/* total_bytes in blocks of size_bytes, in front of `chain`. */
struct block *cause_fill(struct block *chain, long total_bytes, size_t size_bytes);
void cause_free_all(struct block *chain);
/* The program sits on what it has. */
void cause_hold_ms(long ms);

#endif
