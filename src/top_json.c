/* SPDX-License-Identifier: MIT */
/* memwhy top for scripts; see top.h. Each row has its callers down to --depth. */
#include "top.h"
#include "util/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define DEPTH_USUAL 12

struct page {
	const struct stack_model *m;
	const struct top_options *o;
	struct stack_tree tree;
	struct json json;
	int depth;
};

static void write_sum(struct page *p, const struct stack_sum *s)
{
	const struct stack_by_info *by = &stack_by_infos[p->m->query.by];
	json_integer(&p->json, "bytes", s->bytes);
	json_integer_or_null(&p->json, "count", s->count, by->count != NULL);
	json_integer_or_null(&p->json, "error_bytes", (int64_t)sqrt(s->variance), p->m->sampled && by->has_error);
}

static void write_name(struct page *p, const struct stack_tree_node *n)
{
	const struct stack_name *name = &p->m->names->all[n->name];
	const struct stack_line *l = &p->m->lines[n->line];
	bool function = p->o->group == STACK_GROUP_FUNCTION || p->o->group == STACK_GROUP_STACK;
	json_string(&p->json, "name", name->text);
	json_bool(&p->json, "known", name->known);
	if (!function)
		return;
	json_string(&p->json, "module", *name->module ? name->module : NULL);
	json_string(&p->json, "file", l->has_file ? p->m->names->all[l->names[STACK_GROUP_FILE]].text : NULL);
	json_integer_or_null(&p->json, "line", l->line, l->line > 0);
}

static int write_children(struct page *p, uint32_t parent, int depth, size_t most)
{
	size_t count;
	uint32_t *children = stack_tree_ranked(&p->tree, p->m->names, parent, stack_rank_sum, &count);
	int r = children || !p->tree.nodes[parent].first ? 0 : -ENOMEM;
	for (size_t i = 0; !r && i < count && i < most; i++) {
		const struct stack_tree_node *n = &p->tree.nodes[children[i]];
		json_begin_object(&p->json, NULL);
		write_name(p, n);
		write_sum(p, &n->sum[0]);
		if (depth + 1 < p->depth && n->first) {
			json_begin_array(&p->json, p->o->tree == TOP_CALLEES ? "callees" : "callers");
			r = write_children(p, children[i], depth + 1, SIZE_MAX);
			json_end_array(&p->json);
		}
		json_end_object(&p->json);
	}
	free(children);
	return r;
}

/* The path from the end node inwards is the stack from its outermost function on. */
static void write_stack(struct page *p, uint32_t end)
{
	json_begin_object(&p->json, NULL);
	write_sum(p, &p->tree.nodes[end].own[0]);
	json_begin_array(&p->json, "frames");
	for (uint32_t at = end; at; at = p->tree.nodes[at].parent) {
		json_begin_object(&p->json, NULL);
		write_name(p, &p->tree.nodes[at]);
		json_end_object(&p->json);
	}
	json_end_array(&p->json);
	json_end_object(&p->json);
}

static int write_stacks(struct page *p, size_t most)
{
	size_t count;
	uint32_t *ends = stack_tree_ranked(&p->tree, p->m->names, UINT32_MAX, stack_rank_own, &count);
	if (!ends && p->tree.count)
		return -ENOMEM;
	for (size_t i = 0; i < count && i < most; i++)
		write_stack(p, ends[i]);
	free(ends);
	return 0;
}

static void write_heading(struct page *p)
{
	const struct stack_model *m = p->m;
	struct stack_sum all = stack_model_total(m);
	bool moment = !stack_by_infos[m->query.by].of_run;
	json_integer(&p->json, "pid", m->report.process->pid);
	json_string(&p->json, "command", m->report.process->command);
	json_string(&p->json, "by", stack_by_infos[m->query.by].name);
	json_string(&p->json, "moment", moment ? report_moment_name(m->query.report.at) : NULL);
	json_integer_or_null(&p->json, "time_ns", (int64_t)m->snapshot.s.time_ns, moment);
	json_bool(&p->json, "exact_moment", !m->elsewhere);
	json_bool(&p->json, "sampled", m->sampled);
	json_begin_object(&p->json, "total");
	write_sum(p, &all);
	json_end_object(&p->json);
}

int top_print_json(const struct stack_model *m, const struct top_options *o, FILE *out)
{
	struct page p = { .m = m, .o = o, .depth = o->depth ? o->depth : DEPTH_USUAL };
	size_t most = o->lines ? (size_t)o->lines : SIZE_MAX;
	bool stacks = o->group == STACK_GROUP_STACK && !o->tree;
	int r = stack_tree_add(&p.tree, m, o->group, o->tree == TOP_CALLEES ? STACK_CALLEES : STACK_CALLERS, o->bare, 0);
	json_init(&p.json, out);
	json_begin_object(&p.json, NULL);
	write_heading(&p);
	json_begin_array(&p.json, stacks ? "stacks" : o->tree == TOP_CALLEES ? "outermost" : "rows");
	if (!r)
		r = stacks ? write_stacks(&p, most) : write_children(&p, 0, 0, most);
	json_end_array(&p.json);
	json_end_object(&p.json);
	fputc('\n', out);
	stack_tree_finish(&p.tree);
	return r;
}
