/* SPDX-License-Identifier: MIT */
/* screen.h - a screen of the interface: a const entry at the end of its own screen_*.c, and a
 * line in screens.c. */
#ifndef MEMWHY_TUI_SCREEN_H
#define MEMWHY_TUI_SCREEN_H

#include "view.h"

struct tui_key_help { const char *keys, *what; };
struct tui_screen {
	const char *name;
	const char *meaning;                /* for the help */
	const struct tui_key_help *keys;    /* ends with a NULL; the first ones are in the last line too */
	void (*draw)(struct tui_view *v, struct grid *g, struct grid_area a);
	bool (*key)(struct tui_view *v, int key);                /* false: not for this screen */
	const char *(*row_text)(struct tui_view *v, size_t row); /* what a search looks at; NULL: no search */
};
extern const struct tui_screen *const tui_screens[]; /* ends with a NULL */
extern const struct tui_screen screen_timeline, screen_why, screen_stacks, screen_allocator, screen_map,
	screen_processes, screen_help;
extern const struct tui_key_help tui_common_keys[];

/* A line that says why there is nothing to see. */
void tui_screen_say(struct grid *g, struct grid_area a, const char *text);

#endif
