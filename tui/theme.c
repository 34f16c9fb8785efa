/* SPDX-License-Identifier: MIT */
/* The table of roles; see theme.h. */
#include "theme.h"

#include <curses.h>

#define NONE (-1)

struct look {
	short many, few;      /* colour of 256, of 8; NONE: the terminal's own */
	unsigned attributes;  /* besides */
	unsigned plain;       /* without colour */
};
static const struct look looks[GRID_ROLES];
static int colours;

void theme_start(bool colour)
{
	colours = 0;
	if (!colour || !has_colors() || start_color() == ERR)
		return;
	short back = use_default_colors() == OK ? -1 : COLOR_BLACK;
	short front = back < 0 ? -1 : COLOR_WHITE;
	colours = COLORS >= 256 && COLOR_PAIRS > GRID_ROLES ? 256 : COLORS >= 8 && COLOR_PAIRS > GRID_ROLES ? 8 : 0;
	for (int role = 0; colours && role < GRID_ROLES; role++) {
		short c = colours == 256 ? looks[role].many : looks[role].few;
		init_pair((short)(role + 1), c < 0 ? front : c, back);
	}
}

bool theme_tells_causes(void)
{
	return colours == 256;
}

unsigned theme_attributes(enum grid_role role)
{
	return colours ? (unsigned)COLOR_PAIR(role + 1) | looks[role].attributes : looks[role].plain;
}

static const struct look looks[GRID_ROLES] = {
	[ROLE_TEXT] = { NONE, NONE, 0, 0 },
	[ROLE_DIM] = { 245, NONE, 0, A_DIM },
	[ROLE_TITLE] = { NONE, NONE, A_REVERSE, A_REVERSE },
	[ROLE_TAB] = { NONE, NONE, A_UNDERLINE, A_UNDERLINE },
	[ROLE_TAB_HERE] = { NONE, NONE, A_BOLD | A_REVERSE, A_BOLD | A_REVERSE },
	[ROLE_HEADING] = { NONE, NONE, A_BOLD, A_BOLD },
	[ROLE_SELECTED] = { NONE, NONE, A_REVERSE, A_REVERSE },
	[ROLE_KEY] = { NONE, NONE, A_BOLD, A_BOLD },
	[ROLE_BAD] = { 208, COLOR_RED, A_BOLD, A_BOLD | A_REVERSE },
	[ROLE_CURSOR] = { NONE, NONE, A_BOLD | A_REVERSE, A_BOLD | A_REVERSE },
	[ROLE_LINE] = { 231, NONE, A_BOLD, A_BOLD },
	[ROLE_LIVE] = { 35, COLOR_GREEN, 0, A_BOLD },
	[ROLE_ROUNDING] = { 157, COLOR_GREEN, A_BOLD, 0 },
	[ROLE_FRAGMENTATION] = { 227, COLOR_YELLOW, A_BOLD, 0 },
	[ROLE_DIRTY] = { 208, COLOR_YELLOW, 0, A_REVERSE },
	[ROLE_MUZZY] = { 223, COLOR_YELLOW, 0, 0 },
	[ROLE_HUGE] = { 175, COLOR_MAGENTA, A_BOLD, 0 },
	[ROLE_METADATA] = { 97, COLOR_MAGENTA, 0, 0 },
	[ROLE_PROGRAM] = { 81, COLOR_CYAN, A_BOLD, 0 },
	[ROLE_STACKS] = { 152, COLOR_CYAN, 0, 0 },
	[ROLE_FILES] = { 26, COLOR_BLUE, 0, A_DIM },
	[ROLE_SHARED] = { 67, COLOR_BLUE, A_BOLD, 0 },
	[ROLE_UNEXPLAINED] = { 250, NONE, 0, 0 },
};
