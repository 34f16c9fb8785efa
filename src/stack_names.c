/* SPDX-License-Identifier: MIT */
/*
 * See stack_names.h. Of every node the module is kept, by the node's id; of those in use
 * the frame too. Frames are found by module and address in a hash table that grows.
 */
#include "stack_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct node_state {
	uint32_t module;
	uint32_t frame;            /* 0: not in use */
};

struct stack_names {
	struct stack_view *view;
	struct stack_modules *modules;
	struct node_state *nodes;  /* by id */
	uint32_t node_capacity, looked;
	struct stack_names_frame *frames;
	uint32_t frame_count, frame_capacity;
	uint32_t *buckets, bucket_count; /* of frames: 1 + index; a power of two; half of it is empty */
	uint32_t *used;            /* ids in use, in the order in which they came to be */
	uint32_t used_count, used_capacity;
	uint32_t told_modules, told_frames, told_nodes;
};

int stack_names_create(struct stack_view *view, struct stack_names **ret_names)
{
	struct stack_names *n = calloc(1, sizeof *n);
	if (!n)
		return -ENOMEM;
	int rc = stack_modules_create(&n->modules);
	if (rc < 0) {
		free(n);
		return rc;
	}
	n->view = view;
	n->looked = 1;
	*ret_names = n;
	return 0;
}

void stack_names_destroy(struct stack_names *n)
{
	if (!n)
		return;
	stack_modules_destroy(n->modules);
	free(n->nodes);
	free(n->frames);
	free(n->buckets);
	free(n->used);
	free(n);
}

/* Room for one more behind `count`; false: no memory. */
static bool reserve(void *items_pointer, uint32_t *capacity, uint32_t count, size_t size)
{
	void *items;
	memcpy(&items, items_pointer, sizeof items);
	if (count < *capacity)
		return true;
	uint32_t bigger = *capacity ? *capacity : 256;
	while (bigger <= count)
		bigger *= 2;
	char *moved = reallocarray(items, bigger, size);
	if (!moved)
		return false;
	memset(moved + *capacity * size, 0, (bigger - *capacity) * size);
	memcpy(items_pointer, &moved, sizeof moved);
	*capacity = bigger;
	return true;
}

static const struct platform_mappings no_mappings; /* the list is borrowed for the call alone */

int stack_names_look(struct stack_names *n, struct platform_process *p, const struct platform_mappings *list)
{
	int rc = stack_view_update(n->view);
	uint32_t count = stack_view_node_count(n->view), parent;
	uint64_t ip;
	if (rc == 0 && !reserve(&n->nodes, &n->node_capacity, count, sizeof *n->nodes))
		rc = -ENOMEM;
	if (rc < 0)
		return rc;
	stack_modules_look(n->modules, p, list);
	for (; n->looked < count; n->looked++)
		if (stack_view_node(n->view, n->looked, &ip, &parent) == 0)
			n->nodes[n->looked].module = stack_modules_find(n->modules, ip);
	stack_modules_look(n->modules, p, &no_mappings);
	return 0;
}

/* ---- frames -------------------------------------------------------------------------- */

static uint32_t hash_of(const struct stack_names_frame *f)
{
	uint64_t h = (f->address ^ (uint64_t)f->module << 48 ^ f->module) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32);
}

static uint32_t *find_bucket(const struct stack_names *n, const struct stack_names_frame *f)
{
	uint32_t at = hash_of(f) & (n->bucket_count - 1);
	for (;; at = (at + 1) & (n->bucket_count - 1)) {
		const struct stack_names_frame *there = n->buckets[at] ? &n->frames[n->buckets[at] - 1] : NULL;
		if (!there || (there->address == f->address && there->module == f->module))
			return &n->buckets[at];
	}
}

static bool grow_buckets(struct stack_names *n)
{
	uint32_t *old = n->buckets, bigger = n->bucket_count ? n->bucket_count * 2 : 1024;
	if (n->frame_count < n->bucket_count / 2)
		return true;
	n->buckets = calloc(bigger, sizeof *n->buckets);
	if (!n->buckets) {
		n->buckets = old;
		return false;
	}
	n->bucket_count = bigger;
	for (uint32_t i = 0; i < n->frame_count; i++)
		*find_bucket(n, &n->frames[i]) = i + 1;
	free(old);
	return true;
}

/* Its id; 0: no memory. */
static uint32_t frame_of(struct stack_names *n, uint32_t module, uint64_t ip)
{
	struct stack_names_frame f = { 0, module, ip };
	if (module)
		f.address = ip - stack_modules_get(n->modules, module)->bias;
	if (!grow_buckets(n))
		return 0;
	uint32_t *bucket = find_bucket(n, &f);
	if (*bucket)
		return *bucket;
	if (!reserve(&n->frames, &n->frame_capacity, n->frame_count, sizeof *n->frames))
		return 0;
	f.id = ++n->frame_count;
	n->frames[f.id - 1] = f;
	return *bucket = f.id;
}

/* ---- stacks in use --------------------------------------------------------------------- */

int stack_names_use(struct stack_names *n, uint32_t stack)
{
	uint64_t ip;
	uint32_t parent;
	int rc = stack < n->looked ? stack_view_node(n->view, stack, &ip, &parent) : -ENOENT;
	/* the view cuts chains: this ends */
	for (uint32_t id = stack; rc == 0 && id && id < n->looked && !n->nodes[id].frame; id = parent) {
		rc = stack_view_node(n->view, id, &ip, &parent);
		uint32_t frame = rc == 0 ? frame_of(n, n->nodes[id].module, ip) : 0;
		if (!frame || !reserve(&n->used, &n->used_capacity, n->used_count, sizeof *n->used))
			return rc < 0 ? rc : -ENOMEM;
		n->nodes[id].frame = frame;
		n->used[n->used_count++] = id;
	}
	return rc;
}

static bool tell_node(struct stack_names *n, const struct stack_names_receiver *to, uint32_t id)
{
	struct stack_names_node node = { .id = id, .frame = n->nodes[id].frame };
	struct wire_stack_total total;
	uint64_t ip;
	if (stack_view_node(n->view, id, &ip, &node.parent) < 0)
		return true;
	if (stack_view_total(n->view, id, &total) == 0)
		node.flags = total.flags;
	return to->node(to->arg, &node);
}

bool stack_names_tell(struct stack_names *n, const struct stack_names_receiver *to)
{
	for (; n->told_modules < stack_modules_count(n->modules); n->told_modules++)
		if (!to->module(to->arg, n->told_modules + 1, stack_modules_get(n->modules, n->told_modules + 1)))
			return false;
	for (; n->told_frames < n->frame_count; n->told_frames++)
		if (!to->frame(to->arg, &n->frames[n->told_frames]))
			return false;
	for (; n->told_nodes < n->used_count; n->told_nodes++)
		if (!tell_node(n, to, n->used[n->told_nodes]))
			return false;
	return true;
}
