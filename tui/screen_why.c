/* SPDX-License-Identifier: MIT */
/* The findings in the verdict's order; Enter opens one with its evidence, advice and price. */
#include "screen.h"

#include "report_why.h"
#include "util/units.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_ROWS 6

static const char *const moment_words[] = { "at the peak", "at the exit", "on the average" };
static const char *const column_words[] = {
	"a purge gives it back", "a setting", "the program only", "nobody: it goes with its cause",
};

static void describe(const struct verdict_finding *f, size_t number, char *ret, size_t size)
{
	char bytes[UNITS_SIZE];
	snprintf(ret, size, "%zu. %s: %s%s%s (%s)", number, f->rule, f->bytes > 0 ? units_bytes(f->bytes, bytes) : "",
		 f->bytes > 0 ? " " : "", moment_words[f->moment], verdict_confidence_name(f->confidence));
}

/* ---- one finding --------------------------------------------------------------------------- */

static int draw_part(struct grid *g, struct grid_area a, int row, const char *label, const char *text)
{
	int indent = 12;
	if (!*text || row >= a.height)
		return row;
	grid_text(g, a.x + 2, a.y + row, indent, ROLE_HEADING, label);
	return row + grid_wrapped(g, (struct grid_area){ a.x + indent, a.y + row, a.width - indent - 1, a.height - row },
				  ROLE_TEXT, text);
}

static void draw_finding(const struct verdict_finding *f, size_t number, struct grid *g, struct grid_area a)
{
	char text[VERDICT_TEXT], bytes[UNITS_SIZE];
	describe(f, number, text, sizeof text);
	grid_text(g, a.x + 1, a.y + 1, a.width - 2, ROLE_HEADING, text);
	int row = draw_part(g, a, 3, "claim", f->claim);
	for (unsigned i = 0; i < f->evidence_count; i++)
		row = draw_part(g, a, row, i ? "" : "evidence", f->evidence[i]);
	row = draw_part(g, a, row, "back by", column_words[f->column]);
	row = draw_part(g, a, row, "advice", f->advice);
	row = draw_part(g, a, row, "price", f->price);
	snprintf(text, sizeof text, "%s %s", units_bytes(f->saves_bytes, bytes), moment_words[f->moment]);
	draw_part(g, a, row, "saves", f->saves_bytes > 0 ? text : "");
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void draw_column(struct grid *g, int x, int y, int width, const char *label, int64_t bytes, const char *note)
{
	char text[UNITS_SIZE];
	grid_text(g, x, y, 20, ROLE_TEXT, label);
	grid_right(g, x + 20, y, 11, ROLE_TEXT, units_bytes(bytes, text));
	grid_text(g, x + 33, y, width - 34, ROLE_DIM, note);
}

static void draw_columns(const struct verdict_columns *c, struct grid *g, struct grid_area a)
{
	char text[100], bytes[UNITS_SIZE];
	if (!c->had) {
		grid_text(g, a.x + 2, a.y, a.width - 3, ROLE_DIM, "resident beyond live: - (live is not known at the peak)");
		return;
	}
	snprintf(text, sizeof text, "resident beyond live at the peak: %s; what gives it back",
		 units_bytes(c->now_bytes + c->setting_bytes + c->program_bytes + c->nobody_bytes, bytes));
	grid_text(g, a.x + 1, a.y, a.width - 2, ROLE_HEADING, text);
	draw_column(g, a.x + 2, a.y + 1, a.width - 2, "now", c->now_bytes, c->now_measured ? "a purge, measured" :
		    "a purge, estimated: dirty and muzzy");
	draw_column(g, a.x + 2, a.y + 2, a.width - 2, "by a setting", c->setting_bytes, c->now_measured ?
		    "rounding, huge fill, caches" : "rounding, huge fill");
	draw_column(g, a.x + 2, a.y + 3, a.width - 2, "by the program only", c->program_bytes, "pinned, its mappings, stacks");
	draw_column(g, a.x + 2, a.y + 4, a.width - 2, "by nobody", c->nobody_bytes, "files, allocator's own, unexplained");
}

static void draw_none(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	char *why = report_why(&v->data->report, REPORT_AT_PEAK);
	const char *none = v->data->verdict.peak.had ? "Nothing stands out." : "No verdict: how much is live is not known.";
	char text[1024];
	snprintf(text, sizeof text, "%s %s", none, why && strlen(why) < 900 ? why : "");
	tui_screen_say(g, a, text);
	free(why);
}

static void draw_list(struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct verdict *d = &v->data->verdict;
	struct tui_list *l = tui_view_list(v);
	char text[VERDICT_TEXT];
	int row = 0;
	/* each takes what it takes: from the selected one up, as many as there is room for */
	l->top = l->selected;
	for (int used = 0; l->top; l->top--) {
		used += 2 + grid_wrapped_rows(a.width - 6, d->findings[l->top].claim);
		if (used + 2 + grid_wrapped_rows(a.width - 6, d->findings[l->top - 1].claim) > a.height)
			break;
	}
	for (size_t i = l->top; i < d->finding_count && row < a.height; i++) {
		bool here = i == l->selected;
		describe(&d->findings[i], i + 1, text, sizeof text);
		grid_put(g, a.x, a.y + row, ROLE_KEY, here ? '>' : ' ', here ? '>' : ' ');
		grid_text(g, a.x + 2, a.y + row++, a.width - 3, here ? ROLE_SELECTED : ROLE_HEADING, text);
		row += 1 + grid_wrapped(g, (struct grid_area){ a.x + 5, a.y + row, a.width - 6, a.height - row }, ROLE_TEXT,
					d->findings[i].claim);
	}
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct verdict *d = &v->data->verdict;
	struct tui_list *l = tui_view_list(v);
	struct grid_area upper = { a.x, a.y, a.width, a.height - COLUMNS_ROWS };
	tui_list_fit(l, d->finding_count, upper.height);
	v->opened &= d->finding_count > 0;
	if (v->opened) {
		draw_finding(&d->findings[l->selected], l->selected + 1, g, a);
		return;
	}
	if (d->finding_count)
		draw_list(v, g, upper);
	else
		draw_none(v, g, upper);
	draw_columns(&d->peak, g, (struct grid_area){ a.x, a.y + a.height - COLUMNS_ROWS + 1, a.width, COLUMNS_ROWS - 1 });
}

static bool key(struct tui_view *v, int k)
{
	bool closes = v->opened && (k == TUI_ESCAPE || k == TUI_ENTER || k == TUI_LEFT || k == 'h');
	if (closes)
		v->opened = false;
	else if (k == TUI_ENTER || k == TUI_RIGHT)
		v->opened = true;
	else
		return false;
	return true;
}

static const char *row_text(struct tui_view *v, size_t row)
{
	return row < v->data->verdict.finding_count ? v->data->verdict.findings[row].claim : NULL;
}

static const struct tui_key_help keys[] = {
	{ "Up,Down", "finding" }, { "Enter", "evidence and advice, and back" }, { NULL, NULL }
};

const struct tui_screen screen_why = {
	.name = "Why", .meaning = "what is to blame, what would give it back, and how that is known",
	.keys = keys, .draw = draw, .key = key, .row_text = row_text,
};
