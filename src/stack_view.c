/* SPDX-License-Identifier: MIT */
/*
 * See stack_view.h. Each node has a depth, found when it is first asked for: one more than
 * its parent's. A parent without a depth is asked for first; one that is being asked for is
 * a circle, and the chain is cut there.
 */
#include "stack_view.h"

#include "wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (1u << 16)      /* nodes or totals that are read at once */
#define DEPTH_UNKNOWN 0u
#define DEPTH_ASKED UINT16_MAX

struct stack_view {
	int memory;
	uint32_t mode;
	uint64_t mean_bytes;
	struct wire_stack_node *nodes;
	uint16_t *depths;
	uint32_t count, capacity;
};

/* What lies behind the file's end or in a hole is 0; the file has all of it. */
static int read_at(int fd, uint64_t offset, void *to, size_t size)
{
	char *at = to;
	while (size) {
		ssize_t got = pread(fd, at, size, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EPROTO;
		at += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

static int read_head(int memory, struct wire_stacks *ret_head)
{
	return read_at(memory, WIRE_OFF_STACKS, ret_head, sizeof *ret_head);
}

int stack_view_create(int memory, struct stack_view **ret_view)
{
	struct wire_stacks head;
	int rc = read_head(memory, &head);
	if (rc < 0)
		return rc;
	if (head.mode != WIRE_STACKS_ALL && (head.mode != WIRE_STACKS_SAMPLED || !head.mean_bytes))
		return -ENODATA;
	struct stack_view *v = calloc(1, sizeof *v);
	if (!v)
		return -ENOMEM;
	*v = (struct stack_view){ .memory = memory, .mode = head.mode, .mean_bytes = head.mean_bytes, .count = 1 };
	*ret_view = v;
	return 0;
}

void stack_view_destroy(struct stack_view *v)
{
	if (!v)
		return;
	free(v->nodes);
	free(v->depths);
	free(v);
}

uint32_t stack_view_mode(const struct stack_view *v)
{
	return v->mode;
}

uint64_t stack_view_mean_bytes(const struct stack_view *v)
{
	return v->mean_bytes;
}

int stack_view_counts(const struct stack_view *v, struct stack_view_counts *ret_counts)
{
	struct wire_stacks head;
	int rc = read_head(v->memory, &head);
	if (rc == 0)
		*ret_counts = (struct stack_view_counts){ head.taken, head.lost, head.failed };
	return rc;
}

/* ---- nodes --------------------------------------------------------------------------- */

static int reserve(struct stack_view *v, uint32_t count)
{
	if (count <= v->capacity)
		return 0;
	uint32_t bigger = v->capacity ? v->capacity : CHUNK;
	while (bigger < count)
		bigger *= 2;
	struct wire_stack_node *nodes = reallocarray(v->nodes, bigger, sizeof *nodes);
	if (nodes)
		v->nodes = nodes;
	uint16_t *depths = nodes ? reallocarray(v->depths, bigger, sizeof *depths) : NULL;
	if (!depths)
		return -ENOMEM;
	v->depths = depths;
	memset(depths + v->capacity, 0, (bigger - v->capacity) * sizeof *depths);
	v->capacity = bigger;
	return 0;
}

static int read_nodes(struct stack_view *v, uint32_t from, uint32_t count)
{
	return read_at(v->memory, WIRE_OFF_STACKS + WIRE_STACKS_OFF_NODES + from * sizeof *v->nodes, v->nodes + from,
		       count * sizeof *v->nodes);
}

int stack_view_update(struct stack_view *v)
{
	struct wire_stacks head;
	int rc = read_head(v->memory, &head);
	if (rc < 0)
		return rc;
	/* claims beyond the last node are the ones that found no room */
	uint32_t used = head.nodes_used < WIRE_STACK_NODES ? head.nodes_used : WIRE_STACK_NODES;
	if (used <= v->count)
		return 0;
	rc = reserve(v, used);
	if (rc == 0)
		rc = read_nodes(v, v->count, used - v->count);
	if (rc == 0)
		v->count = used;
	return rc;
}

uint32_t stack_view_node_count(const struct stack_view *v)
{
	return v->count;
}

/* One that was claimed and not yet filled when it was copied may be complete by now. */
static bool is_filled(struct stack_view *v, uint32_t id)
{
	if (id == 0 || id >= v->count)
		return false;
	return v->nodes[id].ip || (read_nodes(v, id, 1) == 0 && v->nodes[id].ip);
}

/* Depths from id outwards until one is known; then back inwards. */
static void find_depths(struct stack_view *v, uint32_t id)
{
	uint32_t chain[WIRE_STACK_DEPTH];
	unsigned n = 0;
	while (n < WIRE_STACK_DEPTH && v->depths[id] == DEPTH_UNKNOWN) {
		uint32_t parent = v->nodes[id].parent;
		v->depths[id] = DEPTH_ASKED;
		chain[n++] = id;
		if (!is_filled(v, parent) || v->depths[parent] == DEPTH_ASKED)
			parent = v->nodes[id].parent = 0;
		if (!parent)
			break;
		id = parent;
	}
	while (n--) {
		struct wire_stack_node *node = &v->nodes[chain[n]];
		uint16_t above = node->parent ? v->depths[node->parent] : 0;
		if (above == DEPTH_UNKNOWN || above >= WIRE_STACK_DEPTH)
			above = (uint16_t)(node->parent = 0);
		v->depths[chain[n]] = (uint16_t)(above + 1);
	}
}

int stack_view_node(struct stack_view *v, uint32_t id, uint64_t *ret_ip, uint32_t *ret_parent)
{
	if (!is_filled(v, id))
		return -ENOENT;
	if (v->depths[id] == DEPTH_UNKNOWN)
		find_depths(v, id);
	*ret_ip = v->nodes[id].ip;
	*ret_parent = v->nodes[id].parent;
	return 0;
}

/* ---- totals -------------------------------------------------------------------------- */

static uint64_t totals_at(uint32_t id)
{
	return WIRE_OFF_STACKS + WIRE_STACKS_OFF_TOTALS + id * sizeof(struct wire_stack_total);
}

int stack_view_total(const struct stack_view *v, uint32_t id, struct wire_stack_total *ret_total)
{
	struct wire_stack_total total;
	if (id == 0 || id >= v->count)
		return -ENOENT;
	int rc = read_at(v->memory, totals_at(id), &total, sizeof total);
	if (rc == 0)
		*ret_total = total;
	return rc;
}

int stack_view_each_total(const struct stack_view *v, stack_view_total_fn *fn, void *arg)
{
	struct wire_stack_total *totals = calloc(CHUNK, sizeof *totals);
	int rc = totals ? 0 : -ENOMEM;
	for (uint32_t from = 1; rc == 0 && from < v->count; from += CHUNK) {
		uint32_t n = v->count - from < CHUNK ? v->count - from : CHUNK;
		rc = read_at(v->memory, totals_at(from), totals, n * sizeof *totals);
		for (uint32_t i = 0; rc == 0 && i < n; i++)
			if (totals[i].allocated_bytes || totals[i].allocations || totals[i].samples)
				fn(arg, from + i, &totals[i]);
	}
	free(totals);
	return rc;
}
