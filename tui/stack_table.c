/* SPDX-License-Identifier: MIT */
/* Loading; see stack_table.h. */
#include "stack_table.h"

#include <errno.h>
#include <stdlib.h>

static int rank(struct stack_table *t)
{
	int result = stack_tree_add(&t->tree, t->model, STACK_GROUP_FUNCTION, STACK_CALLERS, true, 0);
	if (result)
		return result;
	t->rows = stack_tree_ranked(&t->tree, &t->names, 0, stack_rank_sum, &t->row_count);
	if (!t->rows && t->tree.nodes[0].first)
		return -ENOMEM;
	if (!t->rows)
		t->row_count = 0;
	t->all = stack_model_total(t->model);
	return 0;
}

static int fill(struct stack_table *t, struct recording *r)
{
	struct stack_query q = STACK_QUERY_DEFAULT;
	q.by = t->by;
	q.report.at = REPORT_AT_TIME;
	q.report.at_ns = t->at_ns;
	q.report.pid = t->pid;
	t->model = calloc(1, sizeof *t->model);
	if (!t->model)
		return -ENOMEM;
	int result = stack_model_init(t->model, r, &q, &t->names);
	if (result) {
		free(t->model);
		t->model = NULL;
		return result;
	}
	return rank(t);
}

int stack_table_load(struct stack_table *t, struct recording *r, int64_t pid, int64_t at_ns, enum stack_by by)
{
	if (t->had && t->by == by && t->at_ns == at_ns && t->pid == pid)
		return t->result;
	stack_table_finish(t);
	*t = (struct stack_table){ .had = true, .by = by, .at_ns = at_ns, .pid = pid };
	t->result = fill(t, r);
	return t->result;
}

void stack_table_finish(struct stack_table *t)
{
	if (t->model)
		stack_model_finish(t->model);
	free(t->model);
	stack_tree_finish(&t->tree);
	stack_labels_finish(&t->names);
	free(t->rows);
	*t = (struct stack_table){ 0 };
}

const char *stack_table_name(const struct stack_table *t, size_t row)
{
	return t->names.all[t->tree.nodes[t->rows[row]].name].text;
}
