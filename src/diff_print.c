/* SPDX-License-Identifier: MIT */
/* memwhy diff for people and for scripts; see diff.h. */
#include "diff.h"
#include "top.h"
#include "util/json.h"
#include "util/terminal.h"
#include "util/text.h"
#include "util/units.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS_USUAL 15

struct page { const struct diff *d; FILE *out; int width, utf8; };

static const char *signed_bytes(int64_t a, int64_t b, char ret[static UNITS_SIZE + 1])
{
	int64_t change = 0;
	if (__builtin_sub_overflow(b, a, &change))
		change = b < a ? INT64_MIN : INT64_MAX;
	ret[0] = '+';
	units_bytes(change, change > 0 ? ret + 1 : ret);
	return ret;
}

/* ---- ledgers ----------------------------------------------------------------------------- */

/* Resident is net of memwhy's own pages, as in the report. */
static bool term_of(const struct ledger *l, enum ledger_term t, int64_t *ret_bytes)
{
	if (!l || !ledger_has(l, t))
		return false;
	if (t == LEDGER_T_rss)
		return report_resident(l, ret_bytes);
	*ret_bytes = l->bytes[t];
	return true;
}

static void print_term(const struct page *p, enum ledger_term t)
{
	int64_t a = 0, b = 0;
	char text[UNITS_SIZE + 1];
	bool had_a = term_of(diff_ledger(p->d, 0), t, &a), had_b = term_of(diff_ledger(p->d, 1), t, &b);
	if (!a && !b)
		return;
	fprintf(p->out, "  %-15s%13s", ledger_term_infos[t].label, had_a ? units_bytes(a, text) : "-");
	fprintf(p->out, "%13s", had_b ? units_bytes(b, text) : "-");
	fprintf(p->out, "%14s\n", had_a && had_b ? signed_bytes(a, b, text) : "-");
}

static void print_ledgers(const struct page *p)
{
	fprintf(p->out, "\n  %-15s%13s%13s%14s\n", "", "A", "B", "change");
	for (int t = 0; t < LEDGER_TERMS; t++)
		if (t != LEDGER_T_probe && (ledger_term_infos[t].kind == LEDGER_SUM || t == LEDGER_T_rss))
			print_term(p, t);
}

static void print_side(const struct page *p, int side)
{
	const struct report_model *m = &p->d->reports[side];
	const struct report_found *f = &m->moments[p->d->options.query.report.at];
	char when[UNITS_SIZE];
	fprintf(p->out, "%s  ", side ? "B" : "A");
	size_t used = text_print_safe(p->out, m->process->command, (size_t)p->width / 2, p->utf8);
	fprintf(p->out, "%*s  pid %lld, ", used < 20 ? (int)(20 - used) : 0, "", (long long)m->process->pid);
	if (f->had)
		fprintf(p->out, "%s at %s\n", report_moment_name(p->d->options.query.report.at),
			units_duration((int64_t)f->snapshot.s.time_ns, when));
	else
		fprintf(p->out, "no snapshot of that moment\n");
}

/* ---- stacks -------------------------------------------------------------------------------- */

/* Outwards from the innermost function, which is the first level of the tree. */
static void print_stack(const struct page *p, uint32_t end, size_t columns)
{
	uint32_t path[TOP_DEPTH_MAX];
	size_t count = 0;
	for (uint32_t at = end; at; at = p->d->tree.nodes[at].parent)
		path[count++ % TOP_DEPTH_MAX] = at;
	for (size_t i = 0; i < count && i < TOP_DEPTH_MAX && columns > 16; i++) {
		const char *name = p->d->names.all[p->d->tree.nodes[path[(count - 1 - i) % TOP_DEPTH_MAX]].name].text;
		size_t max = i ? columns - 3 : columns;
		fputs(i ? " < " : "", p->out);
		columns = max - top_print_name(p->out, name, max, p->utf8);
	}
}

static void print_row(const struct page *p, uint32_t node)
{
	const struct stack_tree_node *n = &p->d->tree.nodes[node];
	int64_t a = diff_sum(p->d, n, 0)->bytes, b = diff_sum(p->d, n, 1)->bytes;
	char change[UNITS_SIZE + 1], x[UNITS_SIZE], y[UNITS_SIZE];
	int used = fprintf(p->out, "%13s%12s%12s  ", signed_bytes(a, b, change), units_bytes(a, x), units_bytes(b, y));
	if (p->d->options.group == STACK_GROUP_STACK)
		print_stack(p, node, (size_t)(p->width - used));
	else
		top_print_name(p->out, p->d->names.all[n->name].text, (size_t)(p->width - used), p->utf8);
	fputc('\n', p->out);
}

static int print_stacks(const struct page *p)
{
	const struct diff *d = p->d;
	size_t count, most = d->options.lines ? (size_t)d->options.lines : ROWS_USUAL, shown = 0;
	if (!d->has_stacks) {
		fputc('\n', p->out);
		text_print_wrapped(p->out, d->stacks_error, 0, 0, (size_t)p->width, p->utf8);
		return 0;
	}
	uint32_t *rows = diff_ranked(d, &count);
	if (!rows && d->tree.nodes && d->tree.nodes[0].first)
		return -ENOMEM;
	fprintf(p->out, "\n%13s%12s%12s  %s\n", "change", "A", "B", stack_by_infos[d->options.query.by].heading);
	for (; shown < count && shown < most; shown++)
		print_row(p, rows[shown]);
	if (shown < count)
		fprintf(p->out, "%37s  (%zu more; -n shows them)\n", "", count - shown);
	if (d->models[0].sampled || d->models[1].sampled)
		fputs("sampled: changes of about a standard error (memwhy top shows it) mean nothing\n", p->out);
	free(rows);
	return 0;
}

int diff_print_text(const struct diff *d, FILE *out)
{
	struct page p = { d, out, d->options.width ? d->options.width : terminal_width(out),
			  d->options.utf8 >= 0 ? d->options.utf8 : terminal_has_utf8() };
	print_side(&p, 0);
	print_side(&p, 1);
	print_ledgers(&p);
	return print_stacks(&p);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void write_ledger(struct json *j, const struct diff *d, int side)
{
	const struct ledger *l = diff_ledger(d, side);
	char key[64];
	json_begin_object(j, "ledger");
	for (int t = 0; t < LEDGER_TERMS; t++) {
		snprintf(key, sizeof key, "%s_bytes", ledger_term_infos[t].name);
		json_integer_or_null(j, key, l ? l->bytes[t] : 0, l && ledger_has(l, t));
	}
	json_end_object(j);
}

static void write_side(struct json *j, const struct diff *d, int side)
{
	json_begin_object(j, side ? "b" : "a");
	json_string(j, "recording", recording_file(d->recordings[side]));
	json_string(j, "command", d->reports[side].process->command);
	json_integer(j, "pid", d->reports[side].process->pid);
	write_ledger(j, d, side);
	json_end_object(j);
}

static void write_row(struct json *j, const struct diff *d, uint32_t node)
{
	const struct stack_tree_node *n = &d->tree.nodes[node];
	json_begin_object(j, NULL);
	json_integer(j, "a_bytes", diff_sum(d, n, 0)->bytes);
	json_integer(j, "b_bytes", diff_sum(d, n, 1)->bytes);
	if (d->options.group == STACK_GROUP_STACK) {
		json_begin_array(j, "frames");
		for (uint32_t at = node; at; at = d->tree.nodes[at].parent)
			json_string(j, NULL, d->names.all[d->tree.nodes[at].name].text);
		json_end_array(j);
	} else {
		json_string(j, "name", d->names.all[n->name].text);
		json_string(j, "module", *d->names.all[n->name].module ? d->names.all[n->name].module : NULL);
	}
	json_end_object(j);
}

int diff_print_json(const struct diff *d, FILE *out)
{
	struct json j;
	size_t count = 0, most = d->options.lines ? (size_t)d->options.lines : SIZE_MAX;
	uint32_t *rows = d->has_stacks ? diff_ranked(d, &count) : NULL;
	json_init(&j, out);
	json_begin_object(&j, NULL);
	json_string(&j, "moment", report_moment_name(d->options.query.report.at));
	json_string(&j, "by", stack_by_infos[d->options.query.by].name);
	write_side(&j, d, 0);
	write_side(&j, d, 1);
	if (d->has_stacks) {
		json_begin_array(&j, "stacks");
		for (size_t i = 0; i < count && i < most; i++)
			write_row(&j, d, rows[i]);
		json_end_array(&j);
	} else {
		json_null(&j, "stacks");
	}
	json_end_object(&j);
	fputc('\n', out);
	free(rows);
	return 0;
}
