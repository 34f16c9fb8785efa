/* SPDX-License-Identifier: MIT */
/*
 * One line for each mapping. The recording has sums for each, and no pages: a strip shows how
 * much of the mapping is live, dirty, resident for another reason, or not resident; where in
 * it that lies is not known, and the screen says so.
 */
#include "screen.h"

#include "util/text.h"
#include "util/units.h"

#include <errno.h>
#include <string.h>

#define HEAD_ROWS 3
#define FIGURE 11
#define NAME_AT(strip) (38 + (strip) + 1)

struct part { enum grid_role role; char letter; int64_t bytes; };

/* A damaged recording's may be any. */
static int64_t size_of(const struct snapshot_mapping *m)
{
	return m->end > m->start && m->end - m->start <= INT64_MAX ? (int64_t)(m->end - m->start) : RECORDING_UNKNOWN;
}

/* Live counts bytes that are not resident too, so it may not take more than there is. */
static int parts_of(const struct snapshot_mapping *m, struct part ret[4])
{
	int64_t size = size_of(m), left = m->resident_bytes > 0 ? m->resident_bytes : 0;
	int64_t live = m->live_bytes > 0 ? m->live_bytes : 0, dirty = m->dirty_bytes > 0 ? m->dirty_bytes : 0;
	live = live < left ? live : left;
	dirty = dirty < left - live ? dirty : left - live;
	ret[0] = (struct part){ ROLE_LIVE, 'L', live };
	ret[1] = (struct part){ ROLE_DIRTY, 'd', dirty };
	ret[2] = (struct part){ ROLE_FILES, 'o', left - live - dirty };
	ret[3] = (struct part){ ROLE_DIM, '.', size > left ? size - left : 0 };
	return 4;
}

static void draw_strip(const struct snapshot_mapping *m, struct grid *g, int x, int y, int width)
{
	static const uint32_t shades[] = { 0x2588, 0x2593, 0x2592, 0xb7 };
	double size = (double)size_of(m), before = 0;
	struct part parts[4];
	int n = size > 0 ? parts_of(m, parts) : 0;
	for (int i = 0; i < n; i++) {
		int from = (int)(before / size * width + 0.5), to;
		before += (double)parts[i].bytes;
		to = (int)(before / size * width + 0.5);
		for (int c = from; c < to && c < width; c++)
			grid_put(g, x + c, y, parts[i].role, g->letters ? (uint32_t)parts[i].letter : shades[i],
				 parts[i].letter);
	}
}

static void draw_figure(struct grid *g, int x, int y, int64_t bytes)
{
	char text[UNITS_SIZE];
	grid_right(g, x, y, FIGURE, ROLE_TEXT, bytes >= 0 ? units_bytes(bytes, text) : "-");
}

static void draw_row(const struct snapshot_mapping *m, struct grid *g, struct grid_area a, int y, int strip, bool here)
{
	const char *name = *m->name == '/' ? text_base_name(m->name) : m->name;
	grid_put(g, a.x, y, ROLE_KEY, here ? '>' : ' ', here ? '>' : ' ');
	draw_figure(g, a.x + 1, y, size_of(m));
	draw_figure(g, a.x + 1 + FIGURE, y, m->resident_bytes);
	draw_figure(g, a.x + 1 + 2 * FIGURE, y, m->live_bytes);
	draw_strip(m, g, a.x + 37, y, strip);
	grid_printf(g, a.x + NAME_AT(strip), y, a.width - NAME_AT(strip), here ? ROLE_SELECTED : ROLE_TEXT, "%s %s %s",
		    m->perms, m->kind, *name ? name : m->name);
}

static void draw_head(const struct tui_view *v, struct grid *g, struct grid_area a, int strip)
{
	const struct mapping_table *t = &v->mappings;
	char when[UNITS_SIZE];
	grid_printf(g, a.x + 1, a.y, a.width - 2, ROLE_HEADING, "%zu mappings, %s in%s", t->row_count,
		    units_duration(t->found.time_ns, when),
		    t->found.time_ns != t->at_ns ? " (the nearest snapshot that has them)" : "");
	grid_text(g, a.x + 1, a.y + 1, a.width - 2, ROLE_DIM, g->letters ?
		  "shares, not places (no pages are recorded): L live d dirty o other . none" :
		  "shares, not places (no pages are recorded): \u2588 live \u2593 dirty \u2592 other \u00b7 none");
	static const char *const heads[] = { "size", "resident", "live" };
	for (int i = 0; i < 3; i++)
		grid_right(g, a.x + 1 + i * FIGURE, a.y + 2, FIGURE, ROLE_DIM, heads[i]);
	grid_text(g, a.x + 37, a.y + 2, strip, ROLE_DIM, "shares");
	grid_text(g, a.x + NAME_AT(strip), a.y + 2, a.width - NAME_AT(strip), ROLE_DIM, "what");
}

/* All of the selected one, whose name may be cut above. */
static void draw_selected(const struct snapshot_mapping *m, struct grid *g, struct grid_area a)
{
	char dirty[UNITS_SIZE];
	int y = a.y + a.height - 1;
	grid_printf(g, a.x + 1, y, a.width - 2, ROLE_DIM, "%llx-%llx, dirty %s, %s", (unsigned long long)m->start,
		    (unsigned long long)m->end, m->dirty_bytes >= 0 ? units_bytes(m->dirty_bytes, dirty) : "-",
		    *m->name ? m->name : "no name");
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct recording_snapshot *s = tui_view_snapshot(v);
	const struct mapping_table *t = &v->mappings;
	struct tui_list *l = tui_view_list(v);
	int strip = a.width / 4;
	int result = mapping_table_load(&v->mappings, v->data->recording, v->data->report.process->id,
					s ? (int64_t)s->s.time_ns : 0);
	if (result) {
		tui_list_fit(l, 0, 1);
		tui_screen_say(g, a, result == -ENOENT ? "No mappings were recorded of this process." :
			       report_error_text(v->data->recording, result));
		return;
	}
	tui_list_fit(l, t->row_count, a.height - HEAD_ROWS - 1);
	draw_head(v, g, a, strip);
	for (int i = 0; i < l->rows && l->top + (size_t)i < l->count; i++)
		draw_row(&t->rows[l->top + (size_t)i], g, a, a.y + HEAD_ROWS + i, strip, l->top + (size_t)i == l->selected);
	draw_selected(&t->rows[l->selected], g, a);
}

static const char *row_text(struct tui_view *v, size_t row)
{
	return row < v->mappings.row_count ? v->mappings.rows[row].name : NULL;
}

static const struct tui_key_help keys[] = {
	{ "Up,Down", "mapping" }, { "[,]", "snapshot" }, { "/", "search" }, { NULL, NULL }
};

const struct tui_screen screen_map = {
	.name = "Map", .meaning = "the address space, a line for each mapping; how much of it is what, not where",
	.keys = keys, .draw = draw, .row_text = row_text,
};
