/* SPDX-License-Identifier: MIT */
/* See stack_rows.h. A row of the figures has the most cells. */
#include "stack_rows.h"
#include "platform.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_NS 2000000

void stack_rows_init(struct stack_rows *r, struct store *store, uint32_t process_id)
{
	r->store = store; /* not the whole struct at once: it is large, and stacks are not */
	r->process_id = process_id;
	r->patient_until_ns = 0;
	r->count = 0;
}

static void flush(struct stack_rows *r)
{
	if (r->count)
		store_add_rows(r->store, r->process_id, r->table, r->cells, r->count);
	r->count = 0;
}

static bool has_room(const struct stack_rows *r)
{
	const struct timespec pause = { 0, PAUSE_NS };
	while (!store_has_room(r->store, sizeof r->cells)) {
		if (platform_now_ns() >= r->patient_until_ns)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* The cells of a new row, to be filled; NULL: no room now. */
static struct store_cell *next_row(struct stack_rows *r, enum store_table table, unsigned columns)
{
	if (r->count && (r->table != table || r->count == STACK_ROWS_BATCH))
		flush(r);
	if (!r->count && !has_room(r))
		return NULL;
	r->table = table;
	return &r->cells[r->count++ * columns];
}

static bool put_module(void *arg, uint32_t id, const struct stack_module *m)
{
	struct stack_rows *r = arg;
	struct store_cell *row = next_row(r, TABLE_MODULE, 6);
	if (!row)
		return false;
	char *build_id = r->texts[r->count - 1];
	memcpy(build_id, m->build_id, sizeof m->build_id);
	row[0] = store_integer(id);
	row[1] = store_text(m->path); /* both are there until the batch goes */
	row[2] = store_text(build_id);
	row[3] = store_integer((int64_t)m->low);
	row[4] = store_integer((int64_t)m->high);
	row[5] = store_integer((int64_t)m->bias);
	return true;
}

static bool put_frame(void *arg, const struct stack_names_frame *f)
{
	struct store_cell *row = next_row(arg, TABLE_FRAME, 3);
	if (!row)
		return false;
	row[0] = store_integer(f->id);
	row[1] = store_integer(f->module);
	row[2] = store_integer((int64_t)f->address);
	return true;
}

static bool put_node(void *arg, const struct stack_names_node *n)
{
	struct store_cell *row = next_row(arg, TABLE_STACK, 4);
	if (!row)
		return false;
	row[0] = store_integer(n->id);
	row[1] = store_integer(n->parent);
	row[2] = store_integer(n->frame);
	row[3] = store_integer(n->flags);
	return true;
}

void stack_rows_add_names(struct stack_rows *r, struct stack_names *names)
{
	const struct stack_names_receiver to = { r, put_module, put_frame, put_node };
	stack_names_tell(names, &to);
	flush(r);
}

void stack_rows_add_totals(struct stack_rows *r, const struct stack_total *totals, size_t count)
{
	struct store_cell *row;
	for (size_t i = 0; i < count && (row = next_row(r, TABLE_STACK_TOTAL, 4)); i++) {
		row[0] = store_integer(totals[i].stack);
		row[1] = store_integer((int64_t)totals[i].allocated_bytes);
		row[2] = store_integer((int64_t)totals[i].allocations);
		row[3] = store_integer((int64_t)totals[i].samples);
	}
	flush(r);
}

static void fill_figure(struct store_cell *row, uint64_t snapshot_ns, const struct stack_figure *f)
{
	row[0] = store_snapshot_at(snapshot_ns);
	row[1] = store_integer(f->stack);
	row[2] = store_integer(f->live_bytes);
	row[3] = store_integer(f->live_blocks);
	row[4] = store_integer(f->rounding_bytes);
	row[5] = store_integer(f->pinned_bytes);
	row[6] = store_integer(f->pinned_pages);
	row[7] = store_integer(f->dirty_bytes);
	row[8] = store_known(f->live_error_bytes);
	row[9] = store_known(f->pinned_error_bytes);
}

void stack_rows_add_figures(struct stack_rows *r, uint64_t snapshot_ns, const struct stack_figure *rows, size_t count)
{
	struct store_cell *cells = calloc(count, STACK_ROWS_CELLS * sizeof *cells);
	for (size_t i = 0; cells && i < count; i++)
		fill_figure(&cells[i * STACK_ROWS_CELLS], snapshot_ns, &rows[i]);
	if (cells && count)
		store_add_rows(r->store, r->process_id, TABLE_STACK_FIGURE, cells, count);
	free(cells);
}
