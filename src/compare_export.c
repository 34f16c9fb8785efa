/* SPDX-License-Identifier: MIT */
/* A comparison for programs (CSV, JSON) and pull requests (Markdown); see compare.h. */
#include "compare.h"
#include "util/csv.h"
#include "util/json.h"

#include <math.h>
#include <string.h>

static const char *const suffixes[] = {
	[COMPARE_BYTES] = "_bytes", [COMPARE_NS] = "_ns", [COMPARE_COUNT] = "", [COMPARE_RATIO] = "",
};
static const char *const kind_names[] = { [COMPARE_FACT] = "fact", [COMPARE_CLEAN] = "clean", [COMPARE_RECORDED] = "recorded" };

static void key_of(enum compare_column c, const char *behind, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s%s", compare_column_infos[c].name, suffixes[compare_column_infos[c].unit], behind);
}

/* ---- CSV ------------------------------------------------------------------------------- */

static void csv_real(struct csv *c, double value, bool had)
{
	char text[40];
	snprintf(text, sizeof text, value == floor(value) && fabs(value) < 1e15 ? "%.0f" : "%.6g", value);
	if (had)
		csv_text(c, text);
	else
		csv_empty(c);
}

static void csv_head(const struct compare_view *v, struct csv *c)
{
	static const char *const behind[] = { "", "_spread", "_runs", "_differs" };
	static const char *const first[] = { "row", "command", "allocator", "left_out" };
	char key[64];
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		csv_text(c, first[i]);
	for (size_t i = 0; i < v->column_count; i++)
		for (size_t k = 0; k < sizeof behind / sizeof *behind; k++) {
			key_of(v->columns[i], behind[k], key, sizeof key);
			csv_text(c, key);
		}
	csv_end_line(c);
}

void compare_print_csv(const struct compare_view *v, FILE *out)
{
	size_t order[COMPARE_ROWS_MAX], count = compare_order(v, order);
	struct csv c;
	csv_init(&c, out);
	csv_head(v, &c);
	for (size_t r = 0; r < count; r++) {
		const struct compare_row *row = &v->compare->rows[order[r]];
		csv_unsigned(&c, order[r] + 1);
		csv_text(&c, row->name);
		csv_text(&c, row->allocator);
		csv_text(&c, row->left_out);
		for (size_t i = 0; i < v->column_count; i++) {
			const struct compare_cell *cell = &row->cells[v->columns[i]];
			csv_real(&c, cell->s.median, cell->count && !row->left_out[0]);
			csv_real(&c, cell->s.spread, cell->count && !row->left_out[0]);
			csv_unsigned(&c, cell->count);
			csv_integer(&c, cell->differs && !row->left_out[0]);
		}
		csv_end_line(&c);
	}
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_cell(struct json *j, enum compare_column c, const struct compare_cell *cell)
{
	char key[64];
	key_of(c, "", key, sizeof key);
	if (!cell->count) {
		json_null(j, key);
		return;
	}
	json_begin_object(j, key);
	json_string(j, "kind", kind_names[compare_column_infos[c].kind]);
	json_real(j, "median", cell->s.median);
	json_real(j, "spread", cell->s.spread);
	json_real(j, "min", cell->s.min);
	json_real(j, "max", cell->s.max);
	json_real(j, "p", cell->p);
	json_bool(j, "differs", cell->differs);
	json_begin_array(j, "values");
	for (size_t i = 0; i < cell->count; i++)
		json_real(j, NULL, cell->values[i]);
	json_end_array(j);
	json_end_object(j);
}

static void json_texts(struct json *j, const char *key, char *const *texts, size_t count)
{
	json_begin_array(j, key);
	for (size_t i = 0; texts && i < count && texts[i]; i++)
		json_string(j, NULL, texts[i]);
	json_end_array(j);
}

static void json_row(struct json *j, const struct compare_view *v, size_t number)
{
	const struct compare_row *row = &v->compare->rows[number];
	json_begin_object(j, NULL);
	json_integer(j, "row", (int64_t)number + 1);
	json_string(j, "command", row->name);
	json_texts(j, "argv", row->argv, SIZE_MAX);
	json_texts(j, "settings", row->settings, SIZE_MAX);
	json_string(j, "preload", row->preload);
	json_string(j, "allocator", row->allocator[0] ? row->allocator : NULL);
	json_string(j, "left_out", row->left_out[0] ? row->left_out : NULL);
	json_integer(j, "ignored_failures", (int64_t)row->ignored_failures);
	json_texts(j, "recordings", row->recordings, row->recording_count);
	json_begin_object(j, "columns");
	for (size_t i = 0; i < v->column_count && !row->left_out[0]; i++)
		json_cell(j, v->columns[i], &row->cells[v->columns[i]]);
	json_end_object(j);
	json_end_object(j);
}

void compare_print_json(const struct compare_view *v, FILE *out)
{
	size_t order[COMPARE_ROWS_MAX], count = compare_order(v, order);
	const struct compare_row *first = compare_reference(v->compare);
	struct json j;
	json_init(&j, out);
	json_begin_object(&j, NULL);
	json_integer_or_null(&j, "reference_row", first ? first - v->compare->rows + 1 : 0, first != NULL);
	json_string(&j, "test", "Mann-Whitney, two-sided, as a permutation test");
	json_real(&j, "level", STATISTICS_LEVEL);
	json_string(&j, "unfinished", v->unfinished);
	json_begin_array(&j, "rows");
	for (size_t i = 0; i < count; i++)
		json_row(&j, v, order[i]);
	json_end_array(&j);
	json_end_object(&j);
	fputc('\n', out);
}

/* ---- Markdown ---------------------------------------------------------------------------- */

static void markdown_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("|*_`<>[]\\", *text))
			fputc('\\', out);
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text, out);
	}
}

static void markdown_row(const struct compare_view *v, size_t number, FILE *out)
{
	const struct compare_row *row = &v->compare->rows[number];
	char text[64];
	fprintf(out, "| %zu | ", number + 1);
	markdown_text(row->name, out);
	fputs(" | ", out);
	markdown_text(row->left_out[0] ? row->left_out : row->allocator, out);
	for (size_t i = 0; i < v->column_count; i++) {
		enum compare_column c = v->columns[i];
		compare_cell_text(&row->cells[c], compare_column_infos[c].unit, text, sizeof text);
		fputs(" | ", out);
		markdown_text(row->left_out[0] ? "-" : text, out);
	}
	fputs(" |\n", out);
}

void compare_print_markdown(const struct compare_view *v, FILE *out)
{
	size_t order[COMPARE_ROWS_MAX], count = compare_order(v, order);
	const struct compare_row *first = compare_reference(v->compare);
	fputs("| row | command | allocator", out);
	for (size_t i = 0; i < v->column_count; i++)
		fprintf(out, " | %s", compare_column_infos[v->columns[i]].label);
	fputs(" |\n| ---: | --- | ---", out);
	for (size_t i = 0; i < v->column_count; i++)
		fputs(" | ---:", out);
	fputs(" |\n", out);
	for (size_t i = 0; i < count; i++)
		markdown_row(v, order[i], out);
	if (first)
		fprintf(out, "\nMedians (spread) of %zu clean and %zu recorded runs; \\* more than noise against row %d, p < %g.\n",
			first->cells[COMPARE_C_wall].count, first->recording_count, (int)(first - v->compare->rows) + 1, STATISTICS_LEVEL);
	if (v->unfinished)
		fprintf(out, "Not finished: %s\n", v->unfinished);
}

static const struct { const char *name; compare_print_fn *print; } formats[] = {
	{ "text", compare_print_text }, { "csv", compare_print_csv },
	{ "json", compare_print_json }, { "markdown", compare_print_markdown },
};

compare_print_fn *compare_format_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!strcmp(formats[i].name, name))
			return formats[i].print;
	return NULL;
}
