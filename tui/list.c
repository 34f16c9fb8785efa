/* SPDX-License-Identifier: MIT */
/* Moving through a list; see list.h. */
#include "list.h"

#include "key.h"

void tui_list_fit(struct tui_list *l, size_t count, int rows)
{
	l->count = count;
	l->rows = rows > 0 ? rows : 1;
	size_t seen = (size_t)l->rows;
	if (l->selected >= count)
		l->selected = count ? count - 1 : 0;
	if (l->top + seen > count)
		l->top = count > seen ? count - seen : 0;
	if (l->selected < l->top)
		l->top = l->selected;
	if (l->selected >= l->top + seen)
		l->top = l->selected - seen + 1;
}

static void move(struct tui_list *l, size_t by, bool down)
{
	size_t last = l->count ? l->count - 1 : 0;
	if (down)
		l->selected = by > last - l->selected ? last : l->selected + by;
	else
		l->selected = by > l->selected ? 0 : l->selected - by;
}

bool tui_list_key(struct tui_list *l, int key)
{
	size_t page = l->rows > 1 ? (size_t)l->rows - 1 : 1;
	if (l->selected >= l->count)
		l->selected = l->count ? l->count - 1 : 0;
	switch (key) {
	case TUI_UP: case 'k': move(l, 1, false); return true;
	case TUI_DOWN: case 'j': move(l, 1, true); return true;
	case TUI_PAGE_UP: move(l, page, false); return true;
	case TUI_PAGE_DOWN: case ' ': move(l, page, true); return true;
	case TUI_HOME: case 'g': move(l, l->count, false); return true;
	case TUI_END: case 'G': move(l, l->count, true); return true;
	default: return false;
	}
}
