/* SPDX-License-Identifier: MIT */
/* page.h - text that scrolls: a line that does not begin with a blank is a heading. */
#ifndef MEMWHY_TUI_PAGE_H
#define MEMWHY_TUI_PAGE_H

#include "grid.h"
#include "list.h"

/* l->selected is the first line that is seen. text: lines that end in a newline. */
void tui_page_draw(struct grid *g, struct grid_area a, struct tui_list *l, const char *text);

#endif
