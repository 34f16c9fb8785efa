/* SPDX-License-Identifier: MIT */
/* list.h - which row of a list is selected, and which rows are seen. Pure.
 * Invariant behind tui_list_fit(): top <= selected < top + rows, selected < count (or both 0). */
#ifndef MEMWHY_TUI_LIST_H
#define MEMWHY_TUI_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct tui_list { size_t selected, top, count; int rows; };

/* Before it is drawn: so many rows of so many are to be seen. */
void tui_list_fit(struct tui_list *l, size_t count, int rows);
/* Arrows, pages, Home, End, and vi's. False: not such a key. */
bool tui_list_key(struct tui_list *l, int key);

#endif
