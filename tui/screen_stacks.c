/* SPDX-License-Identifier: MIT */
/* The functions that hold the bytes, as `memwhy top` has them; below, who called the selected
 * one: its heaviest caller, that one's, and so on. */
#include "screen.h"

#include "top.h"
#include "util/text.h"
#include "util/units.h"

#include <errno.h>
#include <stdlib.h>

#define HEAD_ROWS 3
#define WAY_ROWS 6

static double share(const struct stack_sum *part, const struct stack_sum *all)
{
	return all->bytes > 0 ? (double)part->bytes / (double)all->bytes : 0;
}

/* Cut in its middle where it is long, for a name's end tells most. */
static void draw_name(struct grid *g, int x, int y, int max, enum grid_role role, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *f = max > 0 ? open_memstream(&text, &size) : NULL;
	if (!f)
		return;
	top_print_name(f, name, (size_t)max, g->utf8);
	fclose(f);
	grid_text(g, x, y, max, role, text);
	free(text);
}

/* ---- heading --------------------------------------------------------------------------------- */

static void draw_moment(const struct stack_table *t, struct grid *g, struct grid_area a)
{
	const struct stack_by_info *by = &stack_by_infos[t->by];
	char *moment = NULL, bytes[UNITS_SIZE];
	size_t size;
	FILE *f = open_memstream(&moment, &size);
	if (!f)
		return;
	top_print_moment(t->model, f);
	fclose(f);
	grid_printf(g, a.x + 1, a.y, a.width - 2, ROLE_HEADING, "%s %s: %s%s", by->heading, moment,
		    units_bytes(t->all.bytes, bytes), t->model->sampled ? "; sampled: estimates" : "");
	free(moment);
}

static void draw_sorts(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	int x = a.x + 1;
	x += grid_text(g, x, a.y + 1, 12, ROLE_DIM, "sorted by ");
	for (int by = 0; by < STACK_BYS; by++) {
		bool here = by == (int)v->by;
		x += 1 + grid_printf(g, x, a.y + 1, a.x + a.width - x, here ? ROLE_SELECTED : ROLE_DIM, here ? "[%s]" : "%s",
				     stack_by_infos[by].name);
	}
	const char *count = stack_by_infos[v->by].count;
	grid_right(g, a.x, a.y + 2, 12, ROLE_DIM, "bytes");
	grid_right(g, a.x + 12, a.y + 2, 8, ROLE_DIM, "share");
	grid_right(g, a.x + 20, a.y + 2, 12, ROLE_DIM, count ? count : "");
	grid_text(g, a.x + 34, a.y + 2, a.width - 34, ROLE_DIM, "function");
}

/* ---- rows -------------------------------------------------------------------------------------- */

static void draw_row(const struct stack_table *t, size_t row, struct grid *g, struct grid_area a, int y, bool here)
{
	const struct stack_sum *s = &t->tree.nodes[t->rows[row]].sum[0];
	enum grid_role role = here ? ROLE_SELECTED : ROLE_TEXT;
	char text[UNITS_SIZE];
	grid_right(g, a.x, y, 12, role, units_bytes(s->bytes, text));
	snprintf(text, sizeof text, "%.1f%%", 100 * share(s, &t->all));
	grid_right(g, a.x + 12, y, 8, role, text);
	if (stack_by_infos[t->by].count)
		grid_right(g, a.x + 20, y, 12, role, units_count(s->count > 0 ? (uint64_t)s->count : 0, text));
	draw_name(g, a.x + 34, y, a.width - 35, role, stack_table_name(t, row));
	if (here)
		grid_paint(g, a.x, y, a.width, ROLE_SELECTED);
	if (here && !g->utf8)
		grid_put(g, a.x, y, ROLE_SELECTED, '>', '>');
}

static void draw_place(const struct stack_table *t, uint32_t node, struct grid *g, struct grid_area a, int y)
{
	const struct stack_line *l = &t->model->lines[t->tree.nodes[node].line];
	const char *file = t->names.all[l->names[STACK_GROUP_FILE]].text;
	if (l->has_file)
		grid_printf(g, a.x, y, a.width, ROLE_DIM, "%s:%lld", text_base_name(file), (long long)l->line);
	else
		grid_text(g, a.x, y, a.width, ROLE_DIM, t->names.all[t->tree.nodes[node].name].module);
}

static void draw_way(const struct stack_table *t, uint32_t row, struct grid *g, struct grid_area a)
{
	int place = a.width >= 100 ? 30 : 20, name = a.width - 10 - place - 2;
	const struct stack_sum *all = &t->tree.nodes[row].sum[0];
	uint32_t at = row;
	grid_text(g, a.x + 1, a.y, a.width, ROLE_HEADING, "called by, the heaviest way");
	for (int y = 1; y < a.height && (at = stack_tree_heaviest(&t->tree, at)); y++) {
		grid_printf(g, a.x + 3, a.y + y, 6, ROLE_TEXT, "%3.0f%%", 100 * share(&t->tree.nodes[at].sum[0], all));
		draw_name(g, a.x + 10, a.y + y, name, ROLE_TEXT, t->names.all[t->tree.nodes[at].name].text);
		draw_place(t, at, g, (struct grid_area){ a.x + a.width - place - 1, a.y, place, 1 }, a.y + y);
	}
}

static int load(struct tui_view *v)
{
	const struct recording_snapshot *s = tui_view_snapshot(v);
	return stack_table_load(&v->stacks, v->data->recording, v->data->report.process->pid,
				s ? (int64_t)s->s.time_ns : 0, v->by);
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct stack_table *t = &v->stacks;
	struct tui_list *l = tui_view_list(v);
	int result = load(v), rows = a.height - HEAD_ROWS - WAY_ROWS - 1;
	draw_sorts(v, g, a);
	if (result) {
		tui_list_fit(l, 0, rows);
		tui_screen_say(g, (struct grid_area){ a.x, a.y + HEAD_ROWS, a.width, a.height - HEAD_ROWS },
			       stack_error_text(v->data->recording, result));
		return;
	}
	tui_list_fit(l, t->row_count, rows);
	draw_moment(t, g, a);
	for (int i = 0; i < l->rows && l->top + (size_t)i < l->count; i++)
		draw_row(t, l->top + (size_t)i, g, a, a.y + HEAD_ROWS + i, l->top + (size_t)i == l->selected);
	if (l->count)
		draw_way(t, t->rows[l->selected], g, (struct grid_area){ a.x, a.y + a.height - WAY_ROWS, a.width, WAY_ROWS });
}

static bool key(struct tui_view *v, int k)
{
	if (k != 's' && k != 'S' && k != TUI_F1 + 5)
		return false;
	v->by = (enum stack_by)((v->by + (k == 'S' ? STACK_BYS - 1 : 1)) % STACK_BYS);
	*tui_view_list(v) = (struct tui_list){ 0 };
	return true;
}

static const char *row_text(struct tui_view *v, size_t row)
{
	return row < v->stacks.row_count ? stack_table_name(&v->stacks, row) : NULL;
}

static const struct tui_key_help keys[] = {
	{ "s,F6", "sort by the next figure" }, { "/", "search" }, { "S", "by the one before" }, { NULL, NULL }
};

const struct tui_screen screen_stacks = {
	.name = "Stacks", .meaning = "which functions hold the bytes, or pin the pages, and who called them (as memwhy top)",
	.keys = keys, .draw = draw, .key = key, .row_text = row_text,
};
