/* SPDX-License-Identifier: MIT */
/* Cells, and text into them; see grid.h. */
#include "grid.h"

#include "util/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MARK ".."
#define MARK_COLUMNS 2

int grid_init(struct grid *g, int width, int height, bool utf8, bool letters)
{
	if (width < 1 || height < 1 || width > GRID_WIDTH_MAX || height > GRID_HEIGHT_MAX)
		return -EINVAL;
	struct grid_cell *cells = calloc((size_t)width * (size_t)height, sizeof *cells);
	if (!cells)
		return -ENOMEM;
	*g = (struct grid){ width, height, utf8, letters || !utf8, cells };
	grid_clear(g);
	return 0;
}

void grid_finish(struct grid *g)
{
	free(g->cells);
	g->cells = NULL;
}

void grid_clear(struct grid *g)
{
	for (int i = 0; i < g->width * g->height; i++)
		g->cells[i] = (struct grid_cell){ ' ', ROLE_TEXT };
}

struct grid_area grid_whole(const struct grid *g)
{
	return (struct grid_area){ 0, 0, g->width, g->height };
}

static struct grid_cell *cell_at(const struct grid *g, int x, int y)
{
	return x < 0 || y < 0 || x >= g->width || y >= g->height ? NULL : &g->cells[y * g->width + x];
}

void grid_put(struct grid *g, int x, int y, enum grid_role role, uint32_t character, char ascii)
{
	struct grid_cell *c = cell_at(g, x, y);
	if (c)
		*c = (struct grid_cell){ g->utf8 ? character : (uint32_t)(unsigned char)ascii, (uint8_t)role };
}

/* ---- text ------------------------------------------------------------------------------ */

/* Widths depend on the terminal's font and age: only what is one column everywhere is shown. */
static bool is_narrow(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0x300 && c != 0xad) || (c >= 0x370 && c < 0x483) ||
	       (c >= 0x48a && c < 0x530) || (c >= 0x2010 && c < 0x2028) || (c >= 0x2190 && c < 0x2200) ||
	       (c >= 0x2500 && c < 0x25fb) || (c >= 0x2800 && c < 0x2900);
}

static uint32_t decode(const char *text, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)text[0] & masks[length];
	for (size_t i = 1; i < length; i++)
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	return c;
}

/* The next character, made safe. */
static uint32_t take(const struct grid *g, const char **text)
{
	size_t length = text_utf8_length(*text);
	uint32_t c = length ? decode(*text, length) : '?';
	*text += length ? length : 1;
	if (c == '\n' || c == '\t')
		return ' ';
	return is_narrow(c) && (g->utf8 || c < 0x7f) ? c : '?';
}

static int columns_of(const struct grid *g, const char *text)
{
	int n = 0;
	while (*text && n <= GRID_WIDTH_MAX) {
		take(g, &text);
		n++;
	}
	return n;
}

int grid_text(struct grid *g, int x, int y, int max, enum grid_role role, const char *text)
{
	if (max > g->width - x)
		max = g->width - x;
	int all = columns_of(g, text), shown = all <= max ? all : max - MARK_COLUMNS, n = 0;
	while (n < shown) {
		uint32_t c = take(g, &text);
		grid_put(g, x + n++, y, role, c, (char)c);
	}
	for (int i = 0; all > max && i < MARK_COLUMNS && n < max; i++)
		grid_put(g, x + n++, y, role, '.', '.');
	return n;
}

int grid_printf(struct grid *g, int x, int y, int max, enum grid_role role, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return 0;
	n = grid_text(g, x, y, max, role, text);
	free(text);
	return n;
}

void grid_right(struct grid *g, int x, int y, int width, enum grid_role role, const char *text)
{
	int n = columns_of(g, text);
	grid_text(g, n < width ? x + width - n : x, y, width, role, text);
}

/* ---- over several rows ------------------------------------------------------------------ */

/* Lines of width columns; NULL: out of memory. */
static char *wrap(int width, const char *text)
{
	char *lines = NULL;
	size_t size;
	FILE *f = open_memstream(&lines, &size);
	if (!f)
		return NULL;
	text_print_wrapped(f, text, 0, 0, width > 0 ? (size_t)width : 1, true);
	fclose(f);
	return lines;
}

int grid_wrapped_rows(int width, const char *text)
{
	int rows = 0;
	char *lines = wrap(width, text);
	for (const char *at = lines; at && (at = strchr(at, '\n')); at++)
		rows++;
	free(lines);
	return rows;
}

int grid_wrapped(struct grid *g, struct grid_area a, enum grid_role role, const char *text)
{
	int rows = 0;
	char *lines = wrap(a.width, text), *next;
	for (char *at = lines; at && *at && rows < a.height; at = next, rows++) {
		next = strchr(at, '\n');
		*next++ = 0;
		int n = grid_text(g, a.x, a.y + rows, a.width, role, at);
		if (*next && rows + 1 == a.height)
			grid_text(g, a.x + (n > a.width - MARK_COLUMNS ? a.width - MARK_COLUMNS : n), a.y + rows,
				  MARK_COLUMNS, role, MARK);
	}
	free(lines);
	return rows;
}

/* ---- what is no text -------------------------------------------------------------------- */

void grid_paint(struct grid *g, int x, int y, int width, enum grid_role role)
{
	for (int i = 0; i < width; i++) {
		struct grid_cell *c = cell_at(g, x + i, y);
		if (c)
			c->role = (uint8_t)role;
	}
}

void grid_bar(struct grid *g, int x, int y, int width, enum grid_role role, double share, char letter)
{
	static const uint32_t parts[] = { 0, 0x258f, 0x258e, 0x258d, 0x258c, 0x258b, 0x258a, 0x2589 };
	int eighths = (int)((share > 1 ? 1 : share) * width * 8 + 0.5);
	if (share <= 0 || width < 1)
		return;
	eighths = eighths ? eighths : 1;
	int whole = g->letters ? (eighths + 4) / 8 : eighths / 8;
	for (int i = 0; i < whole || (g->letters && i < 1); i++)
		grid_put(g, x + i, y, role, g->letters ? (uint32_t)letter : 0x2588, letter);
	if (!g->letters && eighths % 8)
		grid_put(g, x + whole, y, role, parts[eighths % 8], letter);
}

static void print_character(FILE *out, uint32_t c)
{
	if (c < 0x80)
		fputc((int)c, out);
	else if (c < 0x800)
		fprintf(out, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
	else
		fprintf(out, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
}

void grid_print(const struct grid *g, FILE *out)
{
	for (int y = 0; y < g->height; y++) {
		int end = g->width;
		while (end && cell_at(g, end - 1, y)->character == ' ')
			end--;
		for (int x = 0; x < end; x++)
			print_character(out, cell_at(g, x, y)->character);
		fputc('\n', out);
	}
}
