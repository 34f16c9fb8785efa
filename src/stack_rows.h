/* SPDX-License-Identifier: MIT */
/*
 * stack_rows.h - call stacks as rows of the recording's plain tables: module, frame, stack,
 * stack_total, stack_figure. Rows go in batches, as long as the store has room for more.
 */
#ifndef MEMWHY_STACK_ROWS_H
#define MEMWHY_STACK_ROWS_H

#include "stack_figures.h"
#include "stack_names.h"
#include "stack_totals.h"
#include "store.h"

#define STACK_ROWS_BATCH 1024u
#define STACK_ROWS_CELLS 10u

struct stack_rows {
	struct store *store;           /* borrowed */
	uint32_t process_id;
	uint64_t patient_until_ns;     /* CLOCK_MONOTONIC; until then room is waited for */
	enum store_table table;        /* of the batch */
	unsigned count;
	struct store_cell cells[STACK_ROWS_BATCH * STACK_ROWS_CELLS];
	char texts[STACK_ROWS_BATCH][160]; /* build ids */
};
void stack_rows_init(struct stack_rows *r, struct store *store, uint32_t process_id);

/* What is new; what finds no room is told again the next time. */
void stack_rows_add_names(struct stack_rows *r, struct stack_names *names);
/* Until there is no room. */
void stack_rows_add_totals(struct stack_rows *r, const struct stack_total *totals, size_t count);
/* All of a snapshot's or none: a part would not sum up. */
void stack_rows_add_figures(struct stack_rows *r, uint64_t snapshot_ns, const struct stack_figure *rows, size_t count);

#endif
