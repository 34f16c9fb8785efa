/* SPDX-License-Identifier: MIT */
/*
 * compare.h - rows that were or will be measured, and what is said of them. A row is a
 * command with an environment; a cell is one column's values, one for each run that could
 * tell. A cell without values is absent, never 0. Pure but for memory.
 */
#ifndef MEMWHY_COMPARE_H
#define MEMWHY_COMPARE_H

#include "statistics.h"

#include <stdint.h>
#include <stdio.h>

#define COMPARE_ROWS_MAX 64

enum compare_kind { COMPARE_FACT, COMPARE_CLEAN, COMPARE_RECORDED };
enum compare_unit { COMPARE_BYTES, COMPARE_NS, COMPARE_COUNT, COMPARE_RATIO };
enum compare_column {
#define COLUMN(name, kind, unit, label, meaning) COMPARE_C_##name,
#include "compare_columns.def"
#undef COLUMN
	COMPARE_COLUMNS
};
struct compare_column_info {
	const char *name;
	enum compare_kind kind;
	enum compare_unit unit;
	const char *label, *meaning;
};
extern const struct compare_column_info compare_column_infos[COMPARE_COLUMNS];
int compare_column_by_name(const char *name); /* or -1 */

struct compare_cell {
	double *values;              /* owned, in the order of the runs */
	size_t count;
	struct statistics s;         /* from here on by compare_judge(); if count */
	double p;                    /* against the first row; 1 where it was not tested */
	bool differs;
};
struct compare_row {
	char *name;                  /* for people; owned, as all that follows */
	char **argv;
	char **settings;             /* "NAME=VALUE", put into its environment; NULL-terminated */
	char *preload;               /* NULL: nothing */
	bool has_allocator;          /* it was asked for under a certain one */
	char allocator[96];          /* as recordings named it; "" where none did */
	char left_out[320];          /* why it is not measured, or was given up; "" */
	size_t ignored_failures;
	struct compare_cell cells[COMPARE_COLUMNS];
	char **recordings;
	size_t recording_count;
};
struct compare {
	struct compare_row rows[COMPARE_ROWS_MAX];
	size_t count;
};
/* NAN values are left out. 0 or -ENOMEM. */
int compare_add(struct compare_row *row, enum compare_column column, double value);
int compare_add_recording(struct compare_row *row, const char *path);
/* Statistics of every cell, and the test of each against the first row that was measured. */
int compare_judge(struct compare *c);
/* That row, NULL if there is none. */
const struct compare_row *compare_reference(const struct compare *c);
void compare_finish(struct compare *c);

/* ---- what is printed: compare_print.c (text), compare_export.c ---------------------------- */

struct compare_view {
	const struct compare *compare;
	enum compare_column columns[COMPARE_COLUMNS];
	size_t column_count;
	int sort;                    /* a column, ascending; -1: as given */
	size_t width;                /* of the text */
	const char *unfinished;      /* a clause, when not all runs were made; NULL */
};
/* Row numbers in the order that is wanted; left-out rows are last. Returns how many. */
size_t compare_order(const struct compare_view *v, size_t ret_rows[COMPARE_ROWS_MAX]);

typedef void compare_print_fn(const struct compare_view *v, FILE *out);
compare_print_fn compare_print_text, compare_print_csv, compare_print_json, compare_print_markdown;
compare_print_fn *compare_format_by_name(const char *name); /* NULL: none such */

/* "82.1 MiB ±0.4%": the median of a cell, a dash if absent; the spread where there is one.
 * `*` behind it: differs. size: at least 48. */
void compare_cell_text(const struct compare_cell *cell, enum compare_unit unit, char *ret, size_t size);
/* "+12.3%" or "x 12" of the medians; "" where the first is 0 or either absent. */
void compare_change_text(const struct compare_cell *from, const struct compare_cell *to, char *ret, size_t size);

#endif
