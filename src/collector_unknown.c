/* SPDX-License-Identifier: MIT */
/*
 * What is made of the callers of unknown frees and reallocs when an image has ended: rows of
 * the recording, and doubts about a plan that was found by behaviour (plans.h). The probe's
 * table may have anything in it; only where a caller lies is looked at.
 */
#include "collector_private.h"

#include <string.h>

/* The linked heap around an address, whose plan tells module addresses. */
static const struct wire_heap *heap_around(const struct collector *c, uint64_t address)
{
	for (int i = 1; i < WIRE_HEAPS; i++)
		if (c->heaps[i].name[0] && c->heaps[i].low <= address && address < c->heaps[i].high)
			return &c->heaps[i];
	return NULL;
}

static void store_one(struct collector *c, const struct wire_unknown *u)
{
	const char *module = "";
	uint64_t offset = u->caller;
	const struct wire_heap *heap = heap_around(c, u->caller);
	if (heap) {
		module = heap->path;
		offset = u->caller - (heap->low & ~(uint64_t)4095);
	} else {
		target_view_find_module(c->view, u->caller, &module, &offset);
	}
	store_add_unknown(c->run->store, c->id, module, offset, u->kind == 1 ? "realloc" : "free", u->count);
}

static bool is_by_behaviour(const struct collector *c)
{
	for (int i = 1; i < WIRE_HEAPS; i++)
		if (c->heaps[i].state == WIRE_HEAP_FOLLOWED && c->heaps[i].found == WIRE_FOUND_BEHAVIOUR)
			return true;
	return false;
}

void collector_take_unknowns(struct collector *c)
{
	uint64_t hints[WIRE_UNKNOWNS];
	size_t count = 0;
	const struct counters *n = &c->counters;
	if (!c->control || !(n->unknown_frees || n->unknown_reallocs || n->double_allocations))
		return;
	for (unsigned i = 0; i < WIRE_UNKNOWNS; i++) {
		struct wire_unknown u = c->control->unknowns[i];
		if (!u.caller || !u.count)
			continue;
		store_one(c, &u);
		if (heap_around(c, u.caller) && c->linked && c->linked->plan)
			hints[count++] = u.caller - heap_around(c, u.caller)->low + c->linked->plan->low;
	}
	if (c->run->plans && c->linked && c->linked->plan && is_by_behaviour(c))
		plans_doubt(c->run->plans, c->linked, hints, count);
}
