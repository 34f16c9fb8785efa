/* SPDX-License-Identifier: MIT */
/* See reading_names.h. */
#include "reading_names.h"

#include <string.h>

static const char *const result_names[WIRE_READING_RESULTS] = {
	[WIRE_READING_NONE] = "none", [WIRE_READING_OK] = "ok", [WIRE_READING_NOT_SAFE] = "not-safe",
	[WIRE_READING_NO_WAY] = "no-way", [WIRE_READING_REFUSED] = "refused",
	[WIRE_READING_TOO_DEAR] = "too-dear",
};

int figure_by_name(const char *name)
{
	for (int f = 0; f < WIRE_FIGURES; f++)
		if (!strcmp(name, figure_infos[f].name))
			return f;
	return -1;
}

const char *reading_result_name(enum wire_reading_result r)
{
	return (unsigned)r < WIRE_READING_RESULTS ? result_names[r] : "unknown";
}

const struct figure_info figure_infos[WIRE_FIGURES] = {
#define FIGURE(name, unit, meaning) [WIRE_FIGURE_##name] = { #name, FIGURE_##unit, meaning },
#include "wire_figures.def"
#undef FIGURE
};
