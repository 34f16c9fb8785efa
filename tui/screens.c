/* SPDX-License-Identifier: MIT */
/* The screens in the order of their numbers; see screen.h. */
#include "screen.h"

const struct tui_screen *const tui_screens[] = {
	&screen_timeline, &screen_why, &screen_stacks, &screen_allocator, &screen_map, &screen_processes, &screen_help, NULL
};

const struct tui_key_help tui_common_keys[] = {
	{ "1-7", "go to a screen" },
	{ "Tab, Shift-Tab", "the next screen, the one before" },
	{ "Up, Down, k, j", "one row up or down" },
	{ "PgUp, PgDn, Space", "a page up or down" },
	{ "Home, End, g, G", "the first or last row" },
	{ "P, L, X", "cursor to the resident peak, the live peak, the exit" },
	{ "[, ]", "cursor one snapshot back or on, on every screen" },
	{ "/, F3", "search; n and N: the next one, the one before" },
	{ "r", "read the recording again (done by itself while it grows)" },
	{ "?, F1", "this help, and back" },
	{ "q, F10", "leave" },
	{ NULL, NULL }
};
