/* SPDX-License-Identifier: MIT */
/* See compare.h. */
#include "compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct compare_column_info compare_column_infos[COMPARE_COLUMNS] = {
#define COLUMN(name, kind, unit, label, meaning) { #name, COMPARE_##kind, COMPARE_##unit, label, meaning },
#include "compare_columns.def"
#undef COLUMN
};

int compare_column_by_name(const char *name)
{
	for (int i = 0; i < COMPARE_COLUMNS; i++)
		if (!strcmp(name, compare_column_infos[i].name))
			return i;
	return -1;
}

int compare_add(struct compare_row *row, enum compare_column column, double value)
{
	struct compare_cell *cell = &row->cells[column];
	if (!isfinite(value))
		return 0;
	double *values = realloc(cell->values, (cell->count + 1) * sizeof *values);
	if (!values)
		return -ENOMEM;
	cell->values = values;
	values[cell->count++] = value;
	return 0;
}

int compare_add_recording(struct compare_row *row, const char *path)
{
	char *copy = strdup(path);
	char **list = copy ? realloc(row->recordings, (row->recording_count + 1) * sizeof *list) : NULL;
	if (!list) {
		free(copy);
		return -ENOMEM;
	}
	row->recordings = list;
	list[row->recording_count++] = copy;
	return 0;
}

const struct compare_row *compare_reference(const struct compare *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->rows[i].left_out[0])
			return &c->rows[i];
	return NULL;
}

static bool has_moved(const struct compare_cell *from, const struct compare_cell *to)
{
	return fabs(to->s.median - from->s.median) >= STATISTICS_CHANGE_MIN * fabs(from->s.median);
}

/* Facts are what they are: nothing is to be tested. */
static int judge_cell(struct compare_cell *cell, const struct compare_cell *first, enum compare_kind kind)
{
	int error = cell->count ? statistics_of(cell->values, cell->count, &cell->s) : 0;
	cell->p = 1;
	if (!error && kind != COMPARE_FACT && cell != first)
		error = statistics_test(first->values, first->count, cell->values, cell->count, &cell->p);
	cell->differs = cell->p < STATISTICS_LEVEL && has_moved(first, cell);
	return error;
}

int compare_judge(struct compare *c)
{
	const struct compare_row *first = compare_reference(c);
	for (size_t i = 0; first && i < c->count; i++)
		for (int k = 0; k < COMPARE_COLUMNS; k++) {
			int error = judge_cell(&c->rows[i].cells[k], &first->cells[k], compare_column_infos[k].kind);
			if (error)
				return error;
		}
	return 0;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

static void finish_row(struct compare_row *row)
{
	free(row->name);
	free(row->preload);
	free_list(row->argv);
	free_list(row->settings);
	for (int k = 0; k < COMPARE_COLUMNS; k++)
		free(row->cells[k].values);
	for (size_t i = 0; i < row->recording_count; i++)
		free(row->recordings[i]);
	free(row->recordings);
}

void compare_finish(struct compare *c)
{
	for (size_t i = 0; i < c->count; i++)
		finish_row(&c->rows[i]);
	c->count = 0;
}
