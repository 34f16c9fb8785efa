/* SPDX-License-Identifier: MIT */
/*
 * region_map.h - who made which anonymous mapping, by the probe's MAP and UNMAP events:
 * disjoint intervals, ascending, equal neighbours joined. Bounded: what a hostile peer
 * sends beyond the bound is dropped and counted.
 */
#ifndef MEMWHY_REGION_MAP_H
#define MEMWHY_REGION_MAP_H

#include <stddef.h>
#include <stdint.h>

#define REGION_MAP_MAX 65536u

struct region {
	uint64_t start, end;
	uint32_t owner; /* enum wire_owner */
};
struct region_map { /* a zeroed one is empty */
	struct region *items;
	size_t count, capacity;
	uint64_t dropped;
};

void region_map_finish(struct region_map *m);
/* [start, end) is owner's now, whatever it was. Empty ranges are ignored. -ENOMEM: dropped. */
int region_map_add(struct region_map *m, uint64_t start, uint64_t end, uint32_t owner);
/* [start, end) is nobody's now; an interval around it is split. */
int region_map_remove(struct region_map *m, uint64_t start, uint64_t end);
/* Makes *to equal to *from; -ENOMEM: untouched. */
int region_map_copy(struct region_map *to, const struct region_map *from);

/* Index of the first interval that ends behind address; count when there is none. */
size_t region_map_find(const struct region_map *m, uint64_t address);
/* Owner of address, 0 when nobody's. */
uint32_t region_map_owner(const struct region_map *m, uint64_t address);

#endif
