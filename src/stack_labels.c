/* SPDX-License-Identifier: MIT */
/* A chained hash table whose elements never move by number; see stack_labels.h. */
#include "stack_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_text(uint32_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u; /* FNV-1a */
	return (h ^ 0xff) * 16777619u;
}

static uint32_t hash_name(const char *text, const char *module)
{
	return hash_text(hash_text(2166136261u, text), module);
}

static void link_name(struct stack_labels *n, uint32_t index)
{
	struct stack_name *s = &n->all[index];
	uint32_t *bucket = &n->buckets[hash_name(s->text, s->module) & (n->slots - 1)];
	s->next = *bucket;
	*bucket = index + 1;
}

static int grow(struct stack_labels *n)
{
	if (n->slots > UINT32_MAX / 4)
		return -ENOMEM;
	uint32_t slots = n->slots ? 2 * n->slots : 256;
	struct stack_name *all = reallocarray(n->all, slots, sizeof *all);
	uint32_t *buckets = calloc(slots, sizeof *buckets);
	if (all)
		n->all = all;
	if (!all || !buckets) {
		free(buckets);
		return -ENOMEM;
	}
	free(n->buckets);
	n->buckets = buckets;
	n->slots = slots;
	for (uint32_t i = 0; i < n->count; i++)
		link_name(n, i);
	return 0;
}

/* One block holds both strings; the text is its begin. */
static int copy_strings(struct stack_name *s, const char *text, const char *module)
{
	size_t a = strlen(text) + 1, b = strlen(module) + 1;
	char *copy = malloc(a + b);
	if (!copy)
		return -ENOMEM;
	s->text = memcpy(copy, text, a);
	s->module = memcpy(copy + a, module, b);
	return 0;
}

int stack_labels_add(struct stack_labels *n, const char *text, const char *module, bool known, uint32_t *ret_index)
{
	uint32_t i = n->slots ? n->buckets[hash_name(text, module) & (n->slots - 1)] : 0;
	for (; i; i = n->all[i - 1].next)
		if (!strcmp(n->all[i - 1].text, text) && !strcmp(n->all[i - 1].module, module)) {
			*ret_index = i - 1;
			return 0;
		}
	int r = n->count == n->slots ? grow(n) : 0;
	if (!r)
		r = copy_strings(&n->all[n->count], text, module);
	if (r)
		return r;
	n->all[n->count].known = known;
	link_name(n, n->count);
	*ret_index = n->count++;
	return 0;
}

void stack_labels_finish(struct stack_labels *n)
{
	for (uint32_t i = 0; i < n->count; i++)
		free((char *)n->all[i].text);
	free(n->all);
	free(n->buckets);
	*n = (struct stack_labels){ 0 };
}

void *stack_grow(void *list, size_t count, size_t *slots, size_t element_size)
{
	void *elements;
	memcpy(&elements, list, sizeof elements);
	if (count == *slots) {
		size_t more = *slots ? 2 * *slots : 64;
		elements = reallocarray(elements, more, element_size);
		if (!elements)
			return NULL;
		memcpy(list, &elements, sizeof elements);
		*slots = more;
	}
	return memset((char *)elements + count * element_size, 0, element_size);
}
