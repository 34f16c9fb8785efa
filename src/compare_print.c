/* SPDX-License-Identifier: MIT */
/*
 * A comparison for people; see compare.h. The rows' names come first, by number; then tables
 * of as many columns as fit beside each other, recorded ones apart from the others; then what
 * differs, and what was left out.
 */
#include "compare.h"
#include "util/text.h"
#include "util/terminal.h"
#include "util/units.h"

#include <math.h>
#include <string.h>

#define CELL_SIZE 64
#define ROW_WIDTH 3

static void value_text(double value, enum compare_unit unit, char ret[static UNITS_SIZE])
{
	switch (unit) {
	case COMPARE_BYTES: units_bytes((int64_t)llround(value), ret); break;
	case COMPARE_NS: units_duration((int64_t)llround(value), ret); break;
	case COMPARE_COUNT: units_count((uint64_t)llround(value), ret); break;
	case COMPARE_RATIO: snprintf(ret, UNITS_SIZE, "%.2f", value); break;
	}
}

void compare_cell_text(const struct compare_cell *cell, enum compare_unit unit, char *ret, size_t size)
{
	char value[UNITS_SIZE], spread[24] = "";
	if (!cell->count) {
		snprintf(ret, size, "-");
		return;
	}
	value_text(cell->s.median, unit, value);
	if (cell->s.count > 1 && cell->s.median != 0)
		snprintf(spread, sizeof spread, " (%.1f%%)", 100 * cell->s.spread / fabs(cell->s.median));
	snprintf(ret, size, "%s%s%s", value, spread, cell->differs ? "*" : "");
}

void compare_change_text(const struct compare_cell *from, const struct compare_cell *to, char *ret, size_t size)
{
	double ratio = from->count && to->count && from->s.median != 0 ? to->s.median / from->s.median : NAN;
	*ret = 0;
	if (ratio >= 10)
		snprintf(ret, size, "x %.0f", ratio);
	else if (!isnan(ratio))
		snprintf(ret, size, "%+.1f%%", 100 * (ratio - 1));
}

/* ---- order -------------------------------------------------------------------------------- */

/* Left-out rows behind, then those without the figure. */
static double sort_key(const struct compare_view *v, size_t row)
{
	const struct compare_row *r = &v->compare->rows[row];
	if (r->left_out[0])
		return INFINITY;
	if (v->sort < 0)
		return 0;
	return r->cells[v->sort].count ? r->cells[v->sort].s.median : 1e300;
}

size_t compare_order(const struct compare_view *v, size_t ret_rows[COMPARE_ROWS_MAX])
{
	size_t count = v->compare->count;
	for (size_t i = 0; i < count; i++) {
		size_t at = i;
		for (; at > 0 && sort_key(v, ret_rows[at - 1]) > sort_key(v, i); at--)
			ret_rows[at] = ret_rows[at - 1];
		ret_rows[at] = i;
	}
	return count;
}

/* ---- tables -------------------------------------------------------------------------------- */

struct page {
	const struct compare_view *v;
	FILE *out;
	size_t rows[COMPARE_ROWS_MAX], row_count; /* those that were measured */
};

static size_t column_width(const struct page *p, enum compare_column column)
{
	char text[CELL_SIZE];
	size_t width = strlen(compare_column_infos[column].label);
	for (size_t i = 0; i < p->row_count; i++) {
		compare_cell_text(&p->v->compare->rows[p->rows[i]].cells[column], compare_column_infos[column].unit, text, sizeof text);
		size_t figure = strcspn(text, "*");
		width = figure > width ? figure : width;
	}
	return width + 3; /* two blanks, and room for the mark */
}

static bool is_recorded(const struct compare_view *v, size_t index)
{
	return compare_column_infos[v->columns[index]].kind == COMPARE_RECORDED;
}

/* How many columns from this one on stand in one table. */
static size_t fitting(const struct page *p, size_t from)
{
	size_t width = ROW_WIDTH, n = 0;
	for (; from + n < p->v->column_count && is_recorded(p->v, from + n) == is_recorded(p->v, from); n++) {
		width += column_width(p, p->v->columns[from + n]);
		if (n && width > p->v->width)
			break;
	}
	return n;
}

/* A mark hangs out to the right, so that figures stand below each other. */
static void print_cell(const struct page *p, size_t row, enum compare_column column)
{
	char text[CELL_SIZE];
	const struct compare_cell *cell = &p->v->compare->rows[row].cells[column];
	int width = (int)column_width(p, column) - !cell->differs;
	compare_cell_text(cell, compare_column_infos[column].unit, text, sizeof text);
	fprintf(p->out, "%*s%s", width, text, cell->differs ? "" : " ");
}

static void print_heads(const struct page *p, size_t from, size_t count)
{
	if (from && is_recorded(p->v, from - 1) == is_recorded(p->v, from))
		fputs("\nrow", p->out);
	else
		fprintf(p->out, "\n%s\nrow", is_recorded(p->v, from) ? "recorded runs, at the resident peak where nothing else is said" :
							     "the file, and clean runs");
	for (size_t i = from; i < from + count; i++)
		fprintf(p->out, "%*s ", (int)column_width(p, p->v->columns[i]) - 1, compare_column_infos[p->v->columns[i]].label);
	fputc('\n', p->out);
}

static void print_table(const struct page *p, size_t from, size_t count)
{
	print_heads(p, from, count);
	for (size_t r = 0; r < p->row_count; r++) {
		fprintf(p->out, "%*zu", ROW_WIDTH, p->rows[r] + 1);
		for (size_t i = from; i < from + count; i++)
			print_cell(p, p->rows[r], p->v->columns[i]);
		fputc('\n', p->out);
	}
}

/* ---- words ------------------------------------------------------------------------------------ */

static void print_names(const struct page *p, const size_t *order, size_t count)
{
	fputs("row  command\n", p->out);
	for (size_t i = 0; i < count; i++) {
		const struct compare_row *row = &p->v->compare->rows[order[i]];
		size_t behind = row->allocator[0] ? strlen(row->allocator) + 4 : 0;
		fprintf(p->out, "%*zu  ", ROW_WIDTH, order[i] + 1);
		text_print_safe(p->out, row->name, p->v->width - ROW_WIDTH - 2 - behind, terminal_has_utf8());
		if (behind) {
			fputs("  (", p->out);
			text_print_safe(p->out, row->allocator, 0, terminal_has_utf8());
			fputc(')', p->out);
		}
		fputc('\n', p->out);
	}
}

/* "wall +12.3%, peak RSS -4.0%"; false: nothing differs. */
static bool list_differences(const struct compare_view *v, const struct compare_row *first, const struct compare_row *row, FILE *to)
{
	bool any = false;
	for (size_t i = 0; i < v->column_count; i++) {
		enum compare_column c = v->columns[i];
		char change[32];
		if (!row->cells[c].differs)
			continue;
		compare_change_text(&first->cells[c], &row->cells[c], change, sizeof change);
		fprintf(to, "%s%s %s", any ? ", " : "", compare_column_infos[c].label, *change ? change : "is not zero");
		any = true;
	}
	return any;
}

static void print_differences(const struct page *p)
{
	const struct compare_row *first = compare_reference(p->v->compare);
	char line[1024];
	bool any = false;
	if (p->row_count < 2)
		return;
	for (size_t i = 0; i < p->row_count; i++) {
		FILE *f = fmemopen(line, sizeof line, "w");
		bool differs = f && list_differences(p->v, first, &p->v->compare->rows[p->rows[i]], f);
		if (f)
			fclose(f);
		if (!differs)
			continue;
		if (!any)
			fprintf(p->out, "\n* more than noise against row %d (p < %g):\n", (int)(first - p->v->compare->rows) + 1, STATISTICS_LEVEL);
		any = true;
		fprintf(p->out, "%*zu  ", ROW_WIDTH, p->rows[i] + 1);
		text_print_wrapped(p->out, line, ROW_WIDTH + 2, ROW_WIDTH + 2, p->v->width, 0);
	}
	if (!any)
		fprintf(p->out, "\nNo difference is more than noise (p < %g).\n", STATISTICS_LEVEL);
}

#define WORK_DIFFERS 0.01

/* A program may do other work each time: its medians are then of different things. */
static void print_work(const struct page *p, size_t row)
{
	const struct compare_cell *cell = &p->v->compare->rows[row].cells[COMPARE_C_allocations];
	char min[UNITS_SIZE], max[UNITS_SIZE];
	if (cell->count && cell->s.max - cell->s.min > WORK_DIFFERS * cell->s.median)
		fprintf(p->out, "\nrow %zu does not do the same work each time: %s to %s allocations\n", row + 1,
			units_count((uint64_t)cell->s.min, min), units_count((uint64_t)cell->s.max, max));
}

static void print_left_out(const struct page *p)
{
	const struct compare *c = p->v->compare;
	for (size_t i = 0; i < c->count; i++) {
		if (c->rows[i].left_out[0]) {
			fprintf(p->out, "\nrow %zu is left out: ", i + 1);
			text_print_safe(p->out, c->rows[i].left_out, 0, terminal_has_utf8());
			fputc('\n', p->out);
		} else if (c->rows[i].ignored_failures) {
			fprintf(p->out, "\nrow %zu failed in %zu clean runs, which are counted (--ignore-failure)\n", i + 1, c->rows[i].ignored_failures);
		}
		if (!c->rows[i].left_out[0])
			print_work(p, i);
	}
}

static void print_runs(const struct page *p)
{
	const struct compare_row *first = compare_reference(p->v->compare);
	if (first)
		fprintf(p->out, "\nMedians of %zu clean and %zu recorded runs of each row; in parentheses half the distance between\n"
			"the quartiles.%s%s\n", first->cells[COMPARE_C_wall].count, first->recording_count,
			p->v->unfinished ? " Not finished: " : "", p->v->unfinished ? p->v->unfinished : "");
	else if (p->v->unfinished)
		fprintf(p->out, "\nNot finished: %s\n", p->v->unfinished);
}

void compare_print_text(const struct compare_view *v, FILE *out)
{
	size_t order[COMPARE_ROWS_MAX];
	struct page p = { .v = v, .out = out };
	size_t count = compare_order(v, order);
	for (size_t i = 0; i < count; i++)
		if (!v->compare->rows[order[i]].left_out[0])
			p.rows[p.row_count++] = order[i];
	print_names(&p, order, count);
	for (size_t i = 0, n; p.row_count && i < v->column_count; i += n) {
		n = fitting(&p, i);
		print_table(&p, i, n);
	}
	print_runs(&p);
	print_differences(&p);
	print_left_out(&p);
}
