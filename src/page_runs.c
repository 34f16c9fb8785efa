/* SPDX-License-Identifier: MIT */
/* The list of runs of platform.h: the same on every system. */
#include "platform.h"

#include <errno.h>
#include <stdlib.h>

static int grow(struct platform_runs *runs)
{
	size_t bigger = runs->capacity ? runs->capacity * 2 : 4096;
	struct platform_run *moved = bigger > PLATFORM_RUNS_MAX ? NULL : realloc(runs->items, bigger * sizeof *moved);
	if (!moved)
		return -ENOMEM;
	runs->items = moved;
	runs->capacity = bigger;
	return 0;
}

int platform_runs_append(struct platform_runs *runs, uint64_t start, uint64_t end, uint32_t states)
{
	struct platform_run *last = runs->count ? &runs->items[runs->count - 1] : NULL;
	if (last && last->end > start)
		start = last->end; /* never twice, whatever the kernel says */
	if (states == 0 || start >= end)
		return 0;
	if (last && last->end == start && last->states == states) {
		last->end = end;
		return 0;
	}
	if (runs->count == runs->capacity && grow(runs) < 0)
		return -ENOMEM;
	runs->items[runs->count++] = (struct platform_run){ start, end, states };
	return 0;
}

void platform_runs_finish(struct platform_runs *runs)
{
	free(runs->items);
	*runs = (struct platform_runs){ 0 };
}
