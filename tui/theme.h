/* SPDX-License-Identifier: MIT */
/* theme.h - what a role looks like on this terminal: 256, 16 or 8 colours, or attributes
 * alone. Colours are apart in brightness too, for eyes that don't tell them all. */
#ifndef MEMWHY_TUI_THEME_H
#define MEMWHY_TUI_THEME_H

#include "grid.h"

/* Once curses runs. colour: is it wanted at all. */
void theme_start(bool colour);
/* False: several causes look the same, so letters must tell them. */
bool theme_tells_causes(void);
/* Curses' attributes, colour in it. */
unsigned theme_attributes(enum grid_role role);

#endif
