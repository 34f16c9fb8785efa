/* SPDX-License-Identifier: MIT */
/*
 * Resident bytes over time, stacked by cause, with live as a line; beside them the ledger at
 * the cursor, under them why. A column of the picture shows the largest snapshot of its time,
 * or the last one before: a peak is never lost between columns, and nothing is made up between
 * two snapshots. Before the first snapshot only the samples' resident bytes are known.
 */
#include "screen.h"

#include "causes.h"
#include "report_why.h"
#include "util/units.h"

#include <stdlib.h>
#include <string.h>

#define AXIS 10            /* columns of its labels */
#define LEDGER_MIN 39
#define LEDGER_MAX 56
#define WHY_ROWS 3
#define ZOOM_MAX 12

struct picture {
	const struct tui_view *v;
	struct grid *g;
	struct grid_area a;    /* of the cells alone */
	int64_t from_ns, to_ns, top_bytes;
};

/* ---- time and columns ------------------------------------------------------------------- */

static void set_span(struct picture *p)
{
	const struct tui_data *d = p->v->data;
	const struct recording_snapshot *s = tui_view_snapshot(p->v);
	int64_t all = d->end_ns - d->begin_ns, span = all >> p->v->zoom;
	int64_t middle = s ? (int64_t)s->s.time_ns : d->begin_ns;
	span = span > 0 ? span : 1;
	p->from_ns = p->v->zoom ? middle - span / 2 : d->begin_ns;
	if (p->from_ns > d->end_ns - span)
		p->from_ns = d->end_ns - span;
	if (p->from_ns < d->begin_ns)
		p->from_ns = d->begin_ns;
	p->to_ns = p->from_ns + span;
}

/* -1: not seen. */
static int column_of(const struct picture *p, int64_t time_ns)
{
	if (time_ns < p->from_ns || time_ns > p->to_ns)
		return -1;
	int x = (int)((double)(time_ns - p->from_ns) / (double)(p->to_ns - p->from_ns) * p->a.width);
	return x < p->a.width ? x : p->a.width - 1;
}

static int64_t net_of(const struct recording_snapshot *s)
{
	int64_t bytes;
	return report_resident(&s->s.ledger, &bytes) ? bytes : -1;
}

/* What each column shows: index + 1 of a snapshot, 0: none yet. The cursor's has its own. */
static void choose_snapshots(const struct picture *p, size_t *columns)
{
	const struct tui_data *d = p->v->data;
	size_t last = 0, i = 0;
	for (int x = 0; x < p->a.width; x++) {
		size_t best = 0;
		for (; i < d->snapshot_count; i++) {
			int64_t t = (int64_t)d->snapshots[i].s.time_ns;
			if (t > p->to_ns || (t >= p->from_ns && column_of(p, t) > x))
				break;
			if (t >= p->from_ns && (!best || net_of(&d->snapshots[i]) > net_of(&d->snapshots[best - 1])))
				best = i + 1;
			last = i + 1;
		}
		columns[x] = best ? best : last;
	}
	int here = d->snapshot_count ? column_of(p, (int64_t)d->snapshots[p->v->cursor].s.time_ns) : -1;
	if (here >= 0)
		columns[here] = p->v->cursor + 1;
}

/* ---- the picture ------------------------------------------------------------------------ */

static int64_t row_of(const struct picture *p, int64_t bytes)
{
	return (int64_t)((double)bytes / (double)p->top_bytes * p->a.height + 0.5);
}

static void set_top(struct picture *p)
{
	const struct tui_data *d = p->v->data;
	for (size_t i = 0; i < d->snapshot_count; i++)
		if (net_of(&d->snapshots[i]) > p->top_bytes)
			p->top_bytes = net_of(&d->snapshots[i]);
	for (size_t i = 0; !d->snapshot_count && i < d->point_count; i++)
		if (d->points[i].rss_bytes > p->top_bytes)
			p->top_bytes = d->points[i].rss_bytes;
	p->top_bytes = p->top_bytes > 0 ? p->top_bytes : 1;
}

static void draw_cells(const struct picture *p, int x, int64_t from, int64_t to, enum grid_role role, char letter)
{
	uint32_t full = role == ROLE_LINE ? 0x2501 : 0x2588;
	for (int64_t row = from < 0 ? 0 : from; row < to && row < p->a.height; row++)
		grid_put(p->g, p->a.x + x, p->a.y + p->a.height - 1 - (int)row, role,
			 p->g->letters ? (uint32_t)letter : full, letter);
}

static void draw_stack(const struct picture *p, int x, const struct ledger *l)
{
	int64_t sum = 0;
	for (int i = 0; i < CAUSES; i++) {
		int64_t bytes = l->bytes[causes[i].term];
		if (bytes <= 0)
			continue;
		draw_cells(p, x, row_of(p, sum), row_of(p, sum + bytes), causes[i].role, causes[i].letter);
		sum += bytes;
	}
}

static void draw_column(const struct picture *p, int x, size_t snapshot)
{
	if (snapshot)
		draw_stack(p, x, &p->v->data->snapshots[snapshot - 1].s.ledger);
}

/* All that is resident, where no snapshot tells more yet. */
static void draw_unsplit(const struct picture *p, const size_t *columns)
{
	const struct tui_data *d = p->v->data;
	for (size_t i = 0; i < d->point_count; i++) {
		int x = column_of(p, d->points[i].time_ns);
		if (x >= 0 && !columns[x] && d->points[i].rss_bytes > 0)
			draw_cells(p, x, 0, row_of(p, d->points[i].rss_bytes), ROLE_DIM, ':');
	}
}

/* The most that was live in each column by the samples; without one, as it was before. */
static void draw_live(const struct picture *p)
{
	const struct tui_data *d = p->v->data;
	int64_t last = RECORDING_UNKNOWN;
	for (size_t i = 0, x = 0; x < (size_t)p->a.width && i < d->point_count; x++) {
		int64_t most = RECORDING_UNKNOWN;
		for (; i < d->point_count && d->points[i].time_ns <= p->to_ns; i++) {
			if (d->points[i].time_ns >= p->from_ns && column_of(p, d->points[i].time_ns) > (int)x)
				break;
			last = d->points[i].live_bytes;
			if (d->points[i].time_ns >= p->from_ns && last > most)
				most = last;
		}
		int64_t row = row_of(p, most > 0 ? most : last) - 1;
		if (most > 0 || last > 0)
			draw_cells(p, (int)x, row < 0 ? 0 : row, (row < 0 ? 0 : row) + 1, ROLE_LINE, '*');
	}
}

static void draw_axis(const struct picture *p)
{
	char text[UNITS_SIZE];
	for (int part = 0; part <= 2; part++) {
		int y = p->a.y + part * (p->a.height - 1) / 2;
		int64_t bytes = p->top_bytes / 2 * (2 - part);
		grid_right(p->g, p->a.x - AXIS, y, AXIS - 1, ROLE_DIM, units_bytes(bytes, text));
	}
}

static void draw_mark(const struct picture *p, int64_t time_ns, char letter, enum grid_role role)
{
	int x = column_of(p, time_ns);
	if (x >= 0)
		grid_put(p->g, p->a.x + x, p->a.y + p->a.height, role, (uint32_t)letter, letter);
}

/* Below the picture: what happened, then where the cursor is, which hides what is under it. */
static void draw_marks(const struct picture *p)
{
	static const char letters[] = { 'P', 'L', 'X' };
	const struct tui_data *d = p->v->data;
	for (size_t i = 0; i < d->snapshot_count; i++)
		draw_mark(p, (int64_t)d->snapshots[i].s.time_ns, '.', ROLE_DIM);
	for (size_t i = 0; i < d->mark_count; i++)
		draw_mark(p, d->marks[i].time_ns, d->marks[i].letter, ROLE_KEY);
	for (int at = REPORT_AT_EXIT; at >= 0; at--)
		if (d->report.moments[at].had)
			draw_mark(p, (int64_t)d->report.moments[at].snapshot.s.time_ns, letters[at], ROLE_KEY);
	if (d->snapshot_count)
		draw_mark(p, (int64_t)d->snapshots[p->v->cursor].s.time_ns, '^', ROLE_CURSOR);
}

static void draw_times(const struct picture *p)
{
	char from[UNITS_SIZE], to[UNITS_SIZE];
	int y = p->a.y + p->a.height + 1;
	int n = grid_text(p->g, p->a.x, y, p->a.width, ROLE_DIM, units_duration(p->from_ns, from));
	grid_right(p->g, p->a.x + n + 1, y, p->a.width - n - 1, ROLE_DIM, units_duration(p->to_ns, to));
}

static void draw_picture(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	struct picture p = { v, g, { a.x + AXIS, a.y, a.width - AXIS, a.height - 2 }, 0, 0, 0 };
	size_t columns[GRID_WIDTH_MAX] = { 0 };
	set_span(&p);
	set_top(&p);
	choose_snapshots(&p, columns);
	for (int x = 0; x < p.a.width; x++)
		draw_column(&p, x, columns[x]);
	draw_unsplit(&p, columns);
	draw_live(&p);
	draw_axis(&p);
	draw_marks(&p);
	draw_times(&p);
}

/* ---- the ledger ------------------------------------------------------------------------- */

static void draw_term(struct grid *g, struct grid_area a, int row, const struct ledger *l, const struct cause *c,
		      int64_t resident)
{
	char text[UNITS_SIZE];
	int bar = a.width - 28;
	bool had = ledger_has(l, c->term);
	grid_put(g, a.x, a.y + row, c->role, (uint32_t)c->letter, c->letter);
	grid_text(g, a.x + 2, a.y + row, 13, ROLE_TEXT, ledger_term_infos[c->term].label);
	grid_right(g, a.x + 15, a.y + row, 11, had ? ROLE_TEXT : ROLE_DIM, had ? units_bytes(l->bytes[c->term], text) : "-");
	if (had && resident > 0)
		grid_bar(g, a.x + 28, a.y + row, bar, c->role, (double)l->bytes[c->term] / (double)resident, c->letter);
}

/* Returns the last row that was used; in a low window a line says how many are left out. */
static int draw_terms(struct grid *g, struct grid_area a, int row, const struct ledger *l, int64_t resident)
{
	for (int i = 0; i < CAUSES && row + 1 < a.height; i++) {
		if (++row + 1 < a.height || i == CAUSES - 1)
			draw_term(g, a, row, l, &causes[i], resident);
		else
			grid_printf(g, a.x + 2, a.y + row, a.width - 2, ROLE_DIM, "%d terms more, in a higher window", CAUSES - i);
	}
	return row;
}

/* Each term of the sum has its line, net of memwhy's own pages, as in the report. */
static void draw_ledger(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct recording_snapshot *s = tui_view_snapshot(v);
	char text[160], bytes[UNITS_SIZE];
	int64_t resident = 0;
	tui_view_describe(v, text, sizeof text);
	int row = grid_wrapped(g, (struct grid_area){ a.x, a.y, a.width, 2 }, ROLE_HEADING, text);
	if (!s)
		return;
	bool had = report_resident(&s->s.ledger, &resident);
	grid_text(g, a.x + 2, a.y + row, 13, ROLE_TEXT, "resident");
	grid_right(g, a.x + 15, a.y + row, 11, ROLE_TEXT, had ? units_bytes(resident, bytes) : "-");
	row = draw_terms(g, a, row, &s->s.ledger, resident);
	if (row + 1 >= a.height)
		return;
	bool live = ledger_has(&s->s.ledger, LEDGER_T_live_requested);
	snprintf(text, sizeof text, "all live, resident or not: %s",
		 live ? units_bytes(s->s.ledger.bytes[LEDGER_T_live_requested], bytes) : "- (no probe)");
	grid_text(g, a.x + 2, a.y + row + 1, a.width - 2, ROLE_DIM, text);
}

/* What a mark says, and why a purge was made: of the last one before the cursor. */
static void draw_last_mark(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct tui_data *d = v->data;
	const struct recording_snapshot *s = tui_view_snapshot(v);
	const struct tui_mark *last = NULL;
	char when[UNITS_SIZE];
	for (size_t i = 0; s && i < d->mark_count; i++)
		if (*d->marks[i].text && d->marks[i].time_ns <= (int64_t)s->s.time_ns &&
		    (!last || d->marks[i].time_ns >= last->time_ns))
			last = &d->marks[i];
	if (last)
		grid_printf(g, a.x, a.y, a.width, ROLE_DIM, "%c %s, %s in: %s", last->letter, last->letter == 'p' ? "purge" :
			    "mark", units_duration(last->time_ns, when), last->text);
}

/* ---- why --------------------------------------------------------------------------------- */

static const struct verdict_finding *finding_of(const struct tui_view *v)
{
	const struct verdict *d = &v->data->verdict;
	bool exit = tui_data_moment(v->data, REPORT_AT_EXIT) == v->cursor &&
		    tui_data_moment(v->data, REPORT_AT_PEAK) != v->cursor;
	for (size_t i = 0; exit && i < d->finding_count; i++)
		if (d->findings[i].moment == VERDICT_EXIT)
			return &d->findings[i];
	return d->finding_count ? &d->findings[0] : NULL;
}

static void draw_why(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct verdict_finding *f = finding_of(v);
	char *why = f ? NULL : report_why(&v->data->report, REPORT_AT_PEAK);
	const char *text = f ? f->claim : why && *why ? why : "not known: the ledger could not be had";
	grid_text(g, a.x, a.y, 5, ROLE_HEADING, "why:");
	grid_wrapped(g, (struct grid_area){ a.x + 5, a.y, a.width - 5, a.height }, ROLE_TEXT, text);
	free(why);
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	int ledger = a.width / 2 - 1;
	ledger = ledger < LEDGER_MIN ? LEDGER_MIN : ledger > LEDGER_MAX ? LEDGER_MAX : ledger;
	int upper = a.height - WHY_ROWS - 1;
	if (a.width - ledger - 1 < AXIS + 8)
		ledger = a.width - AXIS - 9;
	draw_picture(v, g, (struct grid_area){ a.x, a.y, a.width - ledger - 1, upper });
	draw_ledger(v, g, (struct grid_area){ a.x + a.width - ledger, a.y, ledger, upper - 1 });
	draw_last_mark(v, g, (struct grid_area){ a.x + a.width - ledger, a.y + upper - 1, ledger, 1 });
	draw_why(v, g, (struct grid_area){ a.x, a.y + a.height - WHY_ROWS, a.width, WHY_ROWS });
}

/* ---- keys -------------------------------------------------------------------------------- */

static void move(struct tui_view *v, size_t by, bool on)
{
	size_t last = v->data->snapshot_count ? v->data->snapshot_count - 1 : 0;
	if (on)
		v->cursor = by > last - v->cursor ? last : v->cursor + by;
	else
		v->cursor = by > v->cursor ? 0 : v->cursor - by;
}

static bool key(struct tui_view *v, int k)
{
	switch (k) {
	case TUI_LEFT: case 'h': move(v, 1, false); return true;
	case TUI_RIGHT: case 'l': move(v, 1, true); return true;
	case TUI_PAGE_UP: move(v, 10, false); return true;
	case TUI_PAGE_DOWN: move(v, 10, true); return true;
	case TUI_HOME: case 'g': move(v, SIZE_MAX, false); return true;
	case TUI_END: case 'G': move(v, SIZE_MAX, true); return true;
	case '+': case '=': v->zoom += v->zoom < ZOOM_MAX; return true;
	case '-': v->zoom -= v->zoom > 0; return true;
	case '0': v->zoom = 0; return true;
	default: return false;
	}
}

static const struct tui_key_help keys[] = {
	{ "Left,Right", "snapshot" }, { "P", "peak" }, { "L", "live peak" }, { "X", "exit" }, { "+,-", "zoom" },
	{ "Home,End", "first, last" }, { "PgUp,PgDn", "ten snapshots" }, { "0", "no zoom" }, { NULL, NULL }
};

const struct tui_screen screen_timeline = {
	.name = "Timeline",
	.meaning = "resident bytes by cause over time, live as a line (*); below: . snapshot, P resident peak, L live peak, "
		   "X exit, p purge, f fork, m a mark of memwhy ctl",
	.keys = keys, .draw = draw, .key = key,
};
