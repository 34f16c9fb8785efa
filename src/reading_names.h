/* SPDX-License-Identifier: MIT */
/*
 * reading_names.h - the words for what allocators say of themselves, in recordings and on
 * screen: figures (wire_figures.def) and the outcomes of readings. Pure.
 */
#ifndef MEMWHY_READING_NAMES_H
#define MEMWHY_READING_NAMES_H

#include "wire_reading.h"

/* By enum wire_figure; the names are those of wire_figures.def. */
enum figure_unit { FIGURE_BYTES, FIGURE_COUNT, FIGURE_MS };
struct figure_info { const char *name; enum figure_unit unit; const char *meaning; };
extern const struct figure_info figure_infos[WIRE_FIGURES];
int figure_by_name(const char *name); /* or -1 */
const char *reading_result_name(enum wire_reading_result r); /* "ok", "not-safe", "no-way", ... */

#endif
