/* SPDX-License-Identifier: MIT */
/*
 * stack-look.c - preloaded beside the probe: when the process ends (or at stack_look(), for
 * programs that say when), reads the stacks in the probe's own mapping, as a collector would,
 * and appends lines "name value" to the file $STACK_LOOK:
 *   allocations, frees, allocated_bytes   by the threads' counters
 *   counted, counted_bytes                by the stacks' totals
 *   taken, lost, failed                   stacks
 *   broken                                nodes whose parents do not lead to 0
 *   deepest, cut, folded, no_tables       frames; allocations by flag
 *   wrong_heads                           live blocks whose id is no stack (mode all)
 * Uses system calls and memory of its own only, so that it changes no count.
 */
#define _GNU_SOURCE
#include "../../src/wire.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void stack_look(void);

struct sums {
	uint64_t allocations, frees, allocated_bytes, counted, counted_bytes, taken, lost, failed;
	uint64_t broken, deepest, cut, folded, no_tables, nodes, wrong_heads;
};

/* The first mapping of the probe's memory file that begins at offset 0. */
static char *find_map(void)
{
	static char text[1 << 20];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got;
	while (fd >= 0 && size < sizeof text - 1 && (got = read(fd, text + size, sizeof text - 1 - size)) > 0)
		size += (size_t)got;
	text[size] = 0;
	close(fd);
	for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *end = strchr(line, '\n'), *name = strstr(line, "/memfd:memwhy");
		char *perms = strchr(line, ' ');
		if (name && end && name < end && perms && strtoul(strchr(perms + 1, ' '), NULL, 16) == 0)
			return (char *)strtoul(line, NULL, 16);
	}
	return NULL;
}

static void sum_threads(const char *base, struct sums *s)
{
	const struct wire_control *c = (const struct wire_control *)(const void *)base;
	const struct wire_thread *t = (const struct wire_thread *)(const void *)(base + WIRE_OFF_THREADS);
	for (uint32_t i = 0; i < c->thread_count && i < WIRE_THREADS_MAX; i++) {
		s->allocations += t[i].allocations;
		s->frees += t[i].frees;
		s->allocated_bytes += t[i].allocated_bytes;
		s->taken += t[i].stacks_taken;
	}
}

static uint64_t depth_of(const struct wire_stack_node *nodes, uint32_t id, uint32_t used)
{
	uint64_t depth = 0;
	for (; id != 0; id = nodes[id].parent)
		if (id >= used || nodes[id].parent >= id + 65536 || ++depth > WIRE_STACK_DEPTH)
			return 0;
	return depth;
}

static void sum_stacks(const char *stacks, struct sums *s)
{
	const struct wire_stacks *head = (const struct wire_stacks *)(const void *)stacks;
	const struct wire_stack_node *nodes = (const struct wire_stack_node *)(const void *)(stacks + WIRE_STACKS_OFF_NODES);
	const struct wire_stack_total *totals = (const struct wire_stack_total *)(const void *)(stacks + WIRE_STACKS_OFF_TOTALS);
	s->lost = head->lost;
	s->failed = head->failed;
	s->nodes = head->nodes_used - 1;
	for (uint32_t id = 1; id < head->nodes_used; id++) {
		const struct wire_stack_total *t = &totals[id];
		if (t->samples == 0)
			continue;
		uint64_t depth = depth_of(nodes, id, head->nodes_used);
		s->counted += t->allocations;
		s->counted_bytes += t->allocated_bytes;
		s->broken += depth == 0;
		s->deepest = depth > s->deepest ? depth : s->deepest;
		s->cut += t->flags & WIRE_STACK_CUT ? t->allocations : 0;
		s->folded += t->flags & WIRE_STACK_FOLDED ? t->allocations : 0;
		s->no_tables += t->flags & WIRE_STACK_NO_TABLES ? t->allocations : 0;
	}
}

static void look_at_heads(const char *base, struct sums *s)
{
	const struct wire_control *c = (const struct wire_control *)(const void *)base;
	const struct wire_stacks *head = (const struct wire_stacks *)(const void *)(base + WIRE_OFF_STACKS);
	for (uint32_t leaf = 0; leaf < c->leaf_count; leaf++) {
		const uint32_t *w = (const uint32_t *)(const void *)(base + WIRE_OFF_LEAF_DATA + leaf * WIRE_LEAF_BYTES);
		for (uint32_t i = 0; i < WIRE_GRANULES; i++)
			if (w[i] & WIRE_LIVE && ((w[i] & WIRE_STACK_MASK) == 0 || (w[i] & WIRE_STACK_MASK) >= head->nodes_used))
				s->wrong_heads++;
	}
}

static void say(int fd, const char *name, uint64_t value)
{
	char line[80];
	int n = snprintf(line, sizeof line, "%s %llu\n", name, (unsigned long long)value);
	if (write(fd, line, (size_t)n) != n)
		_exit(98);
}

void stack_look(void)
{
	static struct sums s;
	const char *path = getenv("STACK_LOOK"), *base = path ? find_map() : NULL;
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	memset(&s, 0, sizeof s);
	if (base) {
		sum_threads(base, &s);
		sum_stacks(base + WIRE_OFF_STACKS, &s);
		look_at_heads(base, &s);
	}
	const struct { const char *name; uint64_t value; } all[] = {
		{ "allocations", s.allocations }, { "frees", s.frees }, { "allocated_bytes", s.allocated_bytes },
		{ "counted", s.counted }, { "counted_bytes", s.counted_bytes }, { "taken", s.taken },
		{ "lost", s.lost }, { "failed", s.failed }, { "broken", s.broken }, { "deepest", s.deepest },
		{ "cut", s.cut }, { "folded", s.folded }, { "no_tables", s.no_tables }, { "nodes", s.nodes },
		{ "wrong_heads", s.wrong_heads },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		say(fd, all[i].name, all[i].value);
	close(fd);
}

static void __attribute__((destructor)) at_exit(void)
{
	stack_look();
}
