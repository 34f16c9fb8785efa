/* SPDX-License-Identifier: MIT */
/*
 * memwhy top for people, in 80 columns; see top.h. The table's rows are the first level of
 * the tree of callers, so that the ways to them are below each.
 */
#include "top.h"
#include "util/terminal.h"
#include "util/text.h"
#include "util/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_USUAL 15
#define WAYS 3           /* rows whose callers are shown */
#define WAY_DEPTH_USUAL 6
#define TREE_DEPTH_USUAL 12
#define WAY_SHARE 0.5    /* a caller of less than half is not "where it comes from" */
#define TREE_SHARE 0.01

struct page {
	const struct stack_model *m;
	const struct top_options *o;
	const struct stack_by_info *by;
	struct stack_tree tree;
	FILE *out;
	int width, utf8, depth, lines;
	struct stack_sum all;   /* of every stack, chosen or not: what shares are of */
	bool has_error;
};

static double share(const struct stack_sum *part, const struct stack_sum *all)
{
	return all->bytes > 0 ? (double)part->bytes / (double)all->bytes : 0;
}

static const char *name_of(const struct page *p, const struct stack_tree_node *n)
{
	return p->m->names->all[n->name].text;
}

static const char *count_text(const struct page *p, int64_t count, char ret[static UNITS_SIZE])
{
	return p->by->count ? units_count(count > 0 ? (uint64_t)count : 0, ret) : "-";
}

/* ---- heading --------------------------------------------------------------------------- */

static void print_heading(const struct page *p)
{
	char bytes[UNITS_SIZE], count[UNITS_SIZE];
	const struct recording_process *process = p->m->report.process;
	const struct stack_tree_node *shown = &p->tree.nodes[0];
	/* the program's name: its folder and arguments would push the moment off the line */
	const char *name = text_base_name(process->exe && *process->exe ? process->exe : process->command);
	text_print_safe(p->out, name, (size_t)p->width / 4, p->utf8);
	fprintf(p->out, "  pid %lld   %s ", (long long)process->pid, p->by->heading);
	top_print_moment(p->m, p->out);
	fprintf(p->out, "\n%s", units_bytes(p->all.bytes, bytes));
	if (p->by->count)
		fprintf(p->out, " in %s %s", count_text(p, p->all.count, count), p->by->count);
	if (shown->sum[0].bytes != p->all.bytes)
		fprintf(p->out, ", of which chosen %s", units_bytes(shown->sum[0].bytes, bytes));
	fprintf(p->out, "; %s stacks", units_count(shown->stacks[0], count));
	fputs(p->has_error ? "; sampled: +- is one standard error\n\n" :
	      p->m->sampled ? "; sampled: these are estimates\n\n" : "\n\n", p->out);
}

/* ---- table ----------------------------------------------------------------------------- */

static void print_row(const struct page *p, const struct stack_sum *s, const char *name)
{
	char bytes[UNITS_SIZE], error[UNITS_SIZE], count[UNITS_SIZE];
	int used = fprintf(p->out, "%11s %5.1f%%", units_bytes(s->bytes, bytes), 100 * share(s, &p->all));
	if (p->has_error)
		used += fprintf(p->out, " %10s", units_bytes((int64_t)sqrt(s->variance), error));
	if (p->by->count)
		used += fprintf(p->out, " %11s", count_text(p, s->count, count));
	fputs("  ", p->out);
	top_print_name(p->out, name, (size_t)(p->width - used - 2), p->utf8);
	fputc('\n', p->out);
}

static void print_column_heads(const struct page *p)
{
	static const char *const groups[STACK_GROUPS] = { "function", "file", "module", "stack, by its function" };
	fprintf(p->out, "%11s %6s", "bytes", "share");
	if (p->has_error)
		fprintf(p->out, " %10s", "+-");
	if (p->by->count)
		fprintf(p->out, " %11s", p->by->count);
	fprintf(p->out, "  %s\n", groups[p->o->group]);
}

/* Of a stack its innermost function is the row's name. */
static uint32_t row_name_node(const struct page *p, uint32_t node)
{
	while (p->o->group == STACK_GROUP_STACK && p->tree.nodes[node].parent)
		node = p->tree.nodes[node].parent;
	return node;
}

static const struct stack_sum *row_sum(const struct page *p, uint32_t node)
{
	const struct stack_tree_node *n = &p->tree.nodes[node];
	return p->o->group == STACK_GROUP_STACK ? &n->own[0] : &n->sum[0];
}

static void print_rows(const struct page *p, const uint32_t *rows, size_t count)
{
	struct stack_sum rest = { 0 };
	char name[64];
	size_t shown = count > (size_t)p->lines ? (size_t)p->lines : count;
	print_column_heads(p);
	for (size_t i = 0; i < shown; i++)
		print_row(p, row_sum(p, rows[i]), name_of(p, &p->tree.nodes[row_name_node(p, rows[i])]));
	for (size_t i = shown; i < count; i++)
		stack_sum_add(&rest, row_sum(p, rows[i]));
	snprintf(name, sizeof name, "(%zu more)", count - shown);
	if (shown < count)
		print_row(p, &rest, name);
}

/* ---- ways ------------------------------------------------------------------------------ */

static void print_place(const struct page *p, const struct stack_tree_node *n, size_t used)
{
	const struct stack_line *l = &p->m->lines[n->line];
	char place[300];
	const char *file = p->m->names->all[l->names[STACK_GROUP_FILE]].text;
	if (l->has_file)
		snprintf(place, sizeof place, "%.255s:%lld", text_base_name(file), (long long)l->line);
	else
		snprintf(place, sizeof place, "%.255s", p->m->names->all[n->name].module);
	if (p->o->group != STACK_GROUP_FILE && p->o->group != STACK_GROUP_MODULE && *place &&
	    p->m->names->all[n->name].known && used + 2 + strlen(place) <= (size_t)p->width) {
		fputs("  ", p->out);
		text_print_safe(p->out, place, 0, p->utf8);
	}
	fputc('\n', p->out);
}

static void print_step(const struct page *p, uint32_t node, double part)
{
	const struct stack_tree_node *n = &p->tree.nodes[node];
	size_t used = (size_t)fprintf(p->out, "    %3.0f%%  ", 100 * part);
	used += top_print_name(p->out, name_of(p, n), (size_t)p->width - used, p->utf8);
	print_place(p, n, used);
}

static void print_way_up(const struct page *p, uint32_t row)
{
	int64_t all = p->tree.nodes[row].sum[0].bytes;
	uint32_t at = row;
	for (int steps = 0; steps < p->depth && (at = stack_tree_heaviest(&p->tree, at)); steps++) {
		double part = all > 0 ? (double)p->tree.nodes[at].sum[0].bytes / (double)all : 0;
		if (part < WAY_SHARE)
			break;
		print_step(p, at, part);
	}
}

/* From the end node of a stack its parents lead inwards: print them the other way round. */
static void print_whole_stack(const struct page *p, uint32_t end)
{
	uint32_t path[TOP_DEPTH_MAX];
	int count = 0;
	for (uint32_t at = end; at; at = p->tree.nodes[at].parent)
		path[count++ % TOP_DEPTH_MAX] = at;
	for (int i = count - 2, steps = 0; i >= 0 && i > count - TOP_DEPTH_MAX && steps < p->depth; i--, steps++)
		print_step(p, path[i % TOP_DEPTH_MAX], 1);
}

static bool has_way(const struct page *p, uint32_t row)
{
	if (p->o->group == STACK_GROUP_STACK)
		return p->tree.nodes[row].parent != 0;
	uint32_t up = stack_tree_heaviest(&p->tree, row);
	return up && (double)p->tree.nodes[up].sum[0].bytes >= WAY_SHARE * (double)p->tree.nodes[row].sum[0].bytes;
}

static void print_ways(const struct page *p, const uint32_t *rows, size_t count)
{
	bool first = true;
	for (size_t i = 0; i < count && i < WAYS; i++) {
		if (!has_way(p, rows[i]))
			continue;
		fputs(first ? "\ncalled by\n" : "", p->out);
		first = false;
		const struct stack_tree_node *named = &p->tree.nodes[row_name_node(p, rows[i])];
		fputs("  ", p->out);
		print_place(p, named, 2 + top_print_name(p->out, name_of(p, named), (size_t)p->width - 2, p->utf8));
		if (p->o->group == STACK_GROUP_STACK)
			print_whole_stack(p, rows[i]);
		else
			print_way_up(p, rows[i]);
	}
}

static int print_table(const struct page *p)
{
	size_t count;
	bool stacks = p->o->group == STACK_GROUP_STACK;
	uint32_t *rows = stack_tree_ranked(&p->tree, p->m->names, stacks ? UINT32_MAX : 0,
					   stacks ? stack_rank_own : stack_rank_sum, &count);
	if (!rows && p->tree.nodes[0].first)
		return -ENOMEM;
	print_rows(p, rows, count);
	print_ways(p, rows, count);
	free(rows);
	return 0;
}

/* ---- tree ------------------------------------------------------------------------------ */

static int print_branch(const struct page *p, uint32_t parent, int depth, int *left)
{
	size_t count;
	uint32_t *children = stack_tree_ranked(&p->tree, p->m->names, parent, stack_rank_sum, &count);
	if (!children)
		return p->tree.nodes[parent].first ? -ENOMEM : 0;
	int r = 0;
	for (size_t i = 0; !r && i < count && *left > 0; i++) {
		const struct stack_tree_node *n = &p->tree.nodes[children[i]];
		char bytes[UNITS_SIZE];
		if (share(&n->sum[0], &p->all) < TREE_SHARE)
			break;
		--*left;
		int indent = depth < p->width / 3 ? depth : p->width / 3;
		int used = fprintf(p->out, "%11s %5.1f%%  %*s", units_bytes(n->sum[0].bytes, bytes),
				   100 * share(&n->sum[0], &p->all), indent, "");
		top_print_name(p->out, name_of(p, n), (size_t)(p->width - used), p->utf8);
		fputc('\n', p->out);
		if (depth + 1 < p->depth)
			r = print_branch(p, children[i], depth + 1, left);
	}
	free(children);
	return r;
}

static int print_tree(const struct page *p)
{
	int left = p->lines;
	fprintf(p->out, "%11s %6s  %s\n", "bytes", "share",
		p->o->tree == TOP_CALLERS ? "function, and below it who called it" : "outermost function, and below it what it called");
	int r = print_branch(p, 0, 0, &left);
	if (!r && left <= 0)
		fprintf(p->out, "(cut after %d lines; -n shows more)\n", p->lines);
	return r;
}

/* ---- hints ----------------------------------------------------------------------------- */

static void print_hint_pinned(const struct page *p)
{
	const struct ledger *l = &p->m->snapshot.s.ledger;
	int64_t net;
	char bytes[UNITS_SIZE], line[300];
	if (p->m->query.by != STACK_BY_LIVE || !ledger_has(l, LEDGER_T_fragmentation) || !report_resident(l, &net) ||
	    l->bytes[LEDGER_T_fragmentation] < net / 10)
		return;
	snprintf(line, sizeof line, "%s of the resident bytes are fragmentation, free bytes that live blocks pin: "
		 "memwhy top --by pinned says whose.", units_bytes(l->bytes[LEDGER_T_fragmentation], bytes));
	fputc('\n', p->out);
	text_print_wrapped(p->out, line, 0, 0, (size_t)p->width, p->utf8);
}

static void print_hint_names(const struct page *p)
{
	int64_t unnamed = 0;
	for (uint32_t i = p->tree.nodes[0].first; i; i = p->tree.nodes[i].sibling)
		if (p->m->names->all[p->tree.nodes[i].name].text[0] == '[')
			unnamed += p->tree.nodes[i].sum[0].bytes;
	if (p->o->tree == TOP_CALLEES || unnamed <= p->all.bytes / 10)
		return;
	fputc('\n', p->out);
	text_print_wrapped(p->out, "[module+0xaddress] is a function without a name here: memwhy symbolize RECORDING "
			   "--debug-dir DIR adds names from debug files.", 0, 0, (size_t)p->width, p->utf8);
}

int top_print_text(const struct stack_model *m, const struct top_options *o, FILE *out)
{
	struct page p = { .m = m, .o = o, .by = &stack_by_infos[m->query.by], .out = out,
		.width = o->width ? o->width : terminal_width(out), .utf8 = o->utf8 >= 0 ? o->utf8 : terminal_has_utf8(),
		.depth = o->depth ? o->depth : o->tree ? TREE_DEPTH_USUAL : WAY_DEPTH_USUAL,
		.lines = o->lines ? o->lines : o->tree ? 4 * ROWS_USUAL : ROWS_USUAL, .all = stack_model_total(m) };
	p.has_error = m->sampled && p.by->has_error;
	int r = stack_tree_add(&p.tree, m, o->group, o->tree == TOP_CALLEES ? STACK_CALLEES : STACK_CALLERS, o->bare, 0);
	if (!r) {
		print_heading(&p);
		r = o->tree ? print_tree(&p) : print_table(&p);
	}
	if (!r) {
		print_hint_pinned(&p);
		print_hint_names(&p);
	}
	stack_tree_finish(&p.tree);
	return r;
}
