/* SPDX-License-Identifier: MIT */
/* Merging stacks by name; see stack_tree.h. */
#include "stack_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t bucket_of(const struct stack_tree *t, uint32_t parent, uint32_t name)
{
	uint64_t key = ((uint64_t)parent << 32 | name) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(key >> 32) & (t->bucket_count - 1);
}

static void link_node(struct stack_tree *t, uint32_t node)
{
	size_t b = bucket_of(t, t->nodes[node].parent, t->nodes[node].name);
	while (t->buckets[b])
		b = (b + 1) & (t->bucket_count - 1);
	t->buckets[b] = node;
}

static int widen(struct stack_tree *t)
{
	size_t count = t->bucket_count ? 2 * t->bucket_count : 1024;
	uint32_t *buckets = calloc(count, sizeof *buckets);
	if (!buckets)
		return -ENOMEM;
	free(t->buckets);
	t->buckets = buckets;
	t->bucket_count = count;
	for (size_t i = 1; i < t->count; i++)
		link_node(t, (uint32_t)i);
	return 0;
}

static struct stack_tree_node *new_node(struct stack_tree *t)
{
	if (2 * (t->count + 1) > t->bucket_count && widen(t))
		return NULL;
	return t->count < UINT32_MAX ? stack_grow(&t->nodes, t->count, &t->slots, sizeof *t->nodes) : NULL;
}

/* 0: out of memory. */
static uint32_t child_of(struct stack_tree *t, uint32_t parent, uint32_t name, uint32_t line)
{
	for (size_t b = bucket_of(t, parent, name); t->buckets[b]; b = (b + 1) & (t->bucket_count - 1)) {
		const struct stack_tree_node *n = &t->nodes[t->buckets[b]];
		if (n->parent == parent && n->name == name)
			return t->buckets[b];
	}
	struct stack_tree_node *n = new_node(t);
	if (!n)
		return 0;
	uint32_t index = (uint32_t)t->count++;
	*n = (struct stack_tree_node){ .name = name, .parent = parent, .line = line,
				       .sibling = t->nodes[parent].first };
	t->nodes[parent].first = index;
	link_node(t, index);
	return index;
}

static void count_in(struct stack_tree_node *n, unsigned side, const struct stack_sum *sum)
{
	stack_sum_add(&n->sum[side], sum);
	n->stacks[side]++;
}

struct adding {
	struct stack_tree *tree;
	const struct stack_model *model;
	enum stack_group names;
	enum stack_direction direction;
	bool bare;
	unsigned side;
};

static int add_stack(const struct adding *a, uint32_t stack, const struct stack_sum *sum)
{
	struct stack_tree *t = a->tree;
	const uint32_t *lines;
	size_t count = stack_model_chain(a->model, stack, a->bare, &lines);
	uint32_t at = 0;
	count_in(&t->nodes[0], a->side, sum);
	for (size_t i = 0; i < count; i++) {
		uint32_t line = lines[a->direction == STACK_CALLERS ? i : count - 1 - i];
		uint32_t name = a->model->lines[line].names[a->names];
		if (at && a->names != STACK_GROUP_FUNCTION && t->nodes[at].name == name)
			continue;
		at = child_of(t, at, name, line);
		if (!at)
			return -ENOMEM;
		count_in(&t->nodes[at], a->side, sum);
	}
	stack_sum_add(&t->nodes[at].own[a->side], sum);
	return 0;
}

int stack_tree_add(struct stack_tree *t, const struct stack_model *m, enum stack_group names,
		   enum stack_direction direction, bool bare, unsigned side)
{
	struct adding a = { t, m, names == STACK_GROUP_STACK ? STACK_GROUP_FUNCTION : names, direction, bare, side };
	if (!t->count && !new_node(t))
		return -ENOMEM;
	t->count = t->count ? t->count : 1;
	int r = 0;
	for (size_t i = 0; !r && i < m->entry_count; i++) {
		struct stack_sum s = stack_by_infos[m->query.by].of(&m->entries[i]);
		if (s.bytes && stack_model_is_chosen(m, m->entries[i].stack))
			r = add_stack(&a, m->entries[i].stack, &s);
	}
	return r;
}

void stack_tree_finish(struct stack_tree *t)
{
	free(t->nodes);
	free(t->buckets);
	*t = (struct stack_tree){ 0 };
}

int64_t stack_rank_sum(const struct stack_tree_node *n)
{
	return n->sum[0].bytes;
}

int64_t stack_rank_own(const struct stack_tree_node *n)
{
	return n->own[0].bytes;
}

struct ranking { const struct stack_tree *tree; const struct stack_labels *names; stack_rank_fn *rank; };

static int by_rank(const void *x, const void *y, void *arg)
{
	const struct ranking *r = arg;
	const struct stack_tree_node *a = &r->tree->nodes[*(const uint32_t *)x], *b = &r->tree->nodes[*(const uint32_t *)y];
	int64_t p = r->rank(a), q = r->rank(b);
	if (p != q)
		return p < q ? 1 : -1;
	int c = strcmp(r->names->all[a->name].text, r->names->all[b->name].text);
	return c ? c : a < b ? -1 : a > b;
}

static size_t collect(const struct stack_tree *t, uint32_t parent, uint32_t *to)
{
	size_t n = 0;
	if (parent != UINT32_MAX) {
		for (uint32_t i = t->nodes[parent].first; i; i = t->nodes[i].sibling)
			to[n++] = i;
		return n;
	}
	for (size_t i = 1; i < t->count; i++)
		if (t->nodes[i].own[0].bytes || t->nodes[i].own[1].bytes)
			to[n++] = (uint32_t)i;
	return n;
}

static size_t count_children(const struct stack_tree *t, uint32_t parent)
{
	size_t n = 0;
	for (uint32_t i = t->nodes[parent].first; i; i = t->nodes[i].sibling)
		n++;
	return n;
}

uint32_t *stack_tree_ranked(const struct stack_tree *t, const struct stack_labels *names, uint32_t parent,
			    stack_rank_fn *rank, size_t *ret_count)
{
	struct ranking r = { t, names, rank };
	size_t most = !t->count ? 0 : parent == UINT32_MAX ? t->count : count_children(t, parent);
	uint32_t *list = most ? calloc(most, sizeof *list) : NULL;
	*ret_count = list ? collect(t, parent, list) : 0;
	if (list)
		qsort_r(list, *ret_count, sizeof *list, by_rank, &r);
	return list;
}

uint32_t stack_tree_heaviest(const struct stack_tree *t, uint32_t node)
{
	uint32_t best = 0;
	for (uint32_t i = t->nodes[node].first; i; i = t->nodes[i].sibling)
		if (!best || t->nodes[i].sum[0].bytes > t->nodes[best].sum[0].bytes)
			best = i;
	return best;
}
