/* SPDX-License-Identifier: MIT */
/*
 * grid.h - a screen of cells, each a character with a role. It knows no terminal: what a role
 * looks like is the shell's matter (theme.h). Every string is taken for untrusted, as text.h
 * does; what is longer than its place ends in "..". What lies outside of the grid is not drawn.
 * Invariant: each cell holds one character that is one column wide.
 */
#ifndef MEMWHY_TUI_GRID_H
#define MEMWHY_TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GRID_WIDTH_MAX 1000
#define GRID_HEIGHT_MAX 1000

enum grid_role {
	ROLE_TEXT, ROLE_DIM, ROLE_TITLE, ROLE_TAB, ROLE_TAB_HERE, ROLE_HEADING, ROLE_SELECTED, ROLE_KEY, ROLE_BAD,
	ROLE_CURSOR, ROLE_LINE,
	/* causes, as the ledger's terms; causes.h */
	ROLE_LIVE, ROLE_ROUNDING, ROLE_FRAGMENTATION, ROLE_DIRTY, ROLE_MUZZY, ROLE_HUGE, ROLE_METADATA, ROLE_PROGRAM,
	ROLE_STACKS, ROLE_FILES, ROLE_SHARED, ROLE_UNEXPLAINED,
	GRID_ROLES
};

struct grid_cell { uint32_t character; uint8_t role; };
struct grid {
	int width, height;
	bool utf8;     /* else every character is ASCII */
	bool letters;  /* causes are told by letters: there is no colour, or no UTF-8 */
	struct grid_cell *cells;
};
struct grid_area { int x, y, width, height; };

/* -ENOMEM, -EINVAL for a size out of 1..MAX. */
int grid_init(struct grid *g, int width, int height, bool utf8, bool letters);
void grid_finish(struct grid *g);
void grid_clear(struct grid *g);
struct grid_area grid_whole(const struct grid *g);

/* character must be one column wide; `ascii` stands for it without UTF-8. */
void grid_put(struct grid *g, int x, int y, enum grid_role role, uint32_t character, char ascii);
/* On one line, in at most max columns (0: nothing). Returns the columns that it took. */
int grid_text(struct grid *g, int x, int y, int max, enum grid_role role, const char *text);
int grid_printf(struct grid *g, int x, int y, int max, enum grid_role role, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* So that it ends at column x + width - 1. */
void grid_right(struct grid *g, int x, int y, int width, enum grid_role role, const char *text);
/* Over as many rows as it needs and has; the last ends in ".." where more would follow. Returns
 * the rows. */
int grid_wrapped(struct grid *g, struct grid_area a, enum grid_role role, const char *text);
/* The rows that it would need. */
int grid_wrapped_rows(int width, const char *text);
/* The cells of a row get another role. */
void grid_paint(struct grid *g, int x, int y, int width, enum grid_role role);
/* share of width, at least a mark of what isn't nothing; letter: what stands for the role. */
void grid_bar(struct grid *g, int x, int y, int width, enum grid_role role, double share, char letter);

/* As lines of text without blanks at their ends. */
void grid_print(const struct grid *g, FILE *out);

#endif
