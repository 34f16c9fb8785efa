/* SPDX-License-Identifier: MIT */
/* Scrolling text; see page.h. */
#include "page.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

static const char *next_line(const char *text)
{
	const char *end = strchr(text, '\n');
	return end ? end + 1 : text + strlen(text);
}

static void draw_line(struct grid *g, struct grid_area a, int y, const char *line)
{
	char text[LINE_MAX_BYTES];
	snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n") < LINE_MAX_BYTES ? (int)strcspn(line, "\n") : 0, line);
	grid_text(g, a.x + 1, a.y + y, a.width - 2, *text == ' ' ? ROLE_TEXT : ROLE_HEADING, text);
}

void tui_page_draw(struct grid *g, struct grid_area a, struct tui_list *l, const char *text)
{
	size_t lines = 0, rows = a.height > 1 ? (size_t)a.height - 1 : 1;
	for (const char *at = text; *at; at = next_line(at))
		lines++;
	tui_list_fit(l, lines > rows ? lines - rows + 1 : 1, 1);
	l->rows = (int)rows;
	for (size_t i = 0; i < l->selected && *text; i++)
		text = next_line(text);
	for (size_t y = 0; y < rows && *text; y++, text = next_line(text))
		draw_line(g, a, (int)y, text);
	char more[48];
	snprintf(more, sizeof more, "%zu lines more", lines - l->selected - rows);
	if (lines > l->selected + rows)
		grid_text(g, a.x + 1, a.y + a.height - 1, a.width - 2, ROLE_DIM, more);
}
