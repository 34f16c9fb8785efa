/* SPDX-License-Identifier: MIT */
/* A sorted array: a few thousand intervals at most in real programs, looked up by
 * ascending walks, changed by memmove. See region_map.h. */
#include "region_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void region_map_finish(struct region_map *m)
{
	free(m->items);
	*m = (struct region_map){ 0 };
}

size_t region_map_find(const struct region_map *m, uint64_t address)
{
	size_t low = 0, high = m->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t region_map_owner(const struct region_map *m, uint64_t address)
{
	size_t i = region_map_find(m, address);
	return i < m->count && m->items[i].start <= address ? m->items[i].owner : 0;
}

static int reserve(struct region_map *m, size_t count)
{
	if (count <= m->capacity)
		return 0;
	size_t bigger = m->capacity ? m->capacity * 2 : 64;
	struct region *moved = count > REGION_MAP_MAX ? NULL : realloc(m->items, bigger * sizeof *moved);
	if (!moved) {
		m->dropped++;
		return -ENOMEM;
	}
	m->items = moved;
	m->capacity = bigger;
	return 0;
}

/* Replaces items [from, to) by the n parts. */
static int splice(struct region_map *m, size_t from, size_t to, const struct region *parts, size_t n)
{
	int rc = reserve(m, m->count - (to - from) + n);
	if (rc < 0)
		return rc;
	if (m->count > to)
		memmove(m->items + from + n, m->items + to, (m->count - to) * sizeof *parts);
	if (n)
		memcpy(m->items + from, parts, n * sizeof *parts);
	m->count = m->count - (to - from) + n;
	return 0;
}

/* What replaces the intervals that [start, end) touches: the rest of the first, the new
 * one (owner 0: none), the rest of the last; joined where owners are equal. */
static int replace(struct region_map *m, uint64_t start, uint64_t end, uint32_t owner)
{
	struct region parts[3];
	size_t n = 0, from = region_map_find(m, start), to = from;
	if (owner && from && m->items[from - 1].end == start && m->items[from - 1].owner == owner)
		from--;
	while (to < m->count && m->items[to].start < end)
		to++;
	if (owner && to < m->count && m->items[to].start == end && m->items[to].owner == owner)
		to++;
	struct region first = from < to ? m->items[from] : (struct region){ start, start, 0 };
	struct region last = from < to ? m->items[to - 1] : (struct region){ end, end, 0 };
	struct region middle = { start, end, owner };
	if (first.start < start && first.owner == owner)
		middle.start = first.start;
	else if (first.start < start)
		parts[n++] = (struct region){ first.start, start, first.owner };
	if (last.end > end && last.owner == owner)
		middle.end = last.end;
	if (owner)
		parts[n++] = middle;
	if (last.end > end && last.owner != owner)
		parts[n++] = (struct region){ end, last.end, last.owner };
	return splice(m, from, to, parts, n);
}

int region_map_add(struct region_map *m, uint64_t start, uint64_t end, uint32_t owner)
{
	return start < end && owner ? replace(m, start, end, owner) : 0;
}

int region_map_remove(struct region_map *m, uint64_t start, uint64_t end)
{
	return start < end ? replace(m, start, end, 0) : 0;
}

int region_map_copy(struct region_map *to, const struct region_map *from)
{
	struct region *items = malloc((from->count ? from->count : 1) * sizeof *items);
	if (!items)
		return -ENOMEM;
	if (from->count)
		memcpy(items, from->items, from->count * sizeof *items);
	free(to->items);
	*to = (struct region_map){ items, from->count, from->count ? from->count : 1, from->dropped };
	return 0;
}
