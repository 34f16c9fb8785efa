/* SPDX-License-Identifier: MIT */
/*
 * From top to bottom: who it is (the report's own header), the screens' names, the screen, and
 * a line with the screen's keys, a question or a message. Tables that take a walk over the
 * recording are loaded when they are drawn, and forgotten when it is read anew.
 */
#include "screen.h"

#include "report_processes.h"
#include "util/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BODY_TOP 2
#define FRAME_ROWS 3

static unsigned screen_count(void)
{
	unsigned n = 0;
	while (tui_screens[n])
		n++;
	return n;
}

const struct recording_snapshot *tui_view_snapshot(const struct tui_view *v)
{
	return v->data->snapshot_count ? &v->data->snapshots[v->cursor] : NULL;
}

struct tui_list *tui_view_list(struct tui_view *v)
{
	return &v->lists[v->here];
}

static void go_to_moment(struct tui_view *v, enum report_moment at)
{
	static const char *const none[] = {
		"no snapshot: the resident peak is not known", "no snapshot of the live peak: live is not known",
		"no snapshot of the exit", "",
	};
	size_t i = tui_data_moment(v->data, at);
	if (i == SIZE_MAX)
		snprintf(v->message, sizeof v->message, "%s", none[at]);
	else
		v->cursor = i;
}

void tui_view_describe(const struct tui_view *v, char *ret, size_t size)
{
	static const char *const words[] = { ", the resident peak", ", the live peak", ", the exit" };
	static const char *const holds[HOLDS] = {
		[HOLD_RUNNING] = "taken while it ran on", [HOLD_WAITING] = "held still", [HOLD_FROZEN] = "held still",
		[HOLD_STOPPED] = "stopped",
	};
	const struct recording_snapshot *s = tui_view_snapshot(v);
	char text[UNITS_SIZE], moments[80] = "";
	for (int at = 0; s && at < REPORT_AT_TIME; at++)
		if (tui_data_moment(v->data, at) == v->cursor)
			strcat(moments, words[at]);
	if (!s)
		snprintf(ret, size, "no snapshot was taken");
	else
		snprintf(ret, size, "%s in%s%s, %s", units_duration((int64_t)s->s.time_ns, text), moments,
			 s->s.trigger == TRIGGER_PURGED ? ", after memwhy's purge" : "", holds[s->s.hold]);
}

/* ---- drawing ----------------------------------------------------------------------------- */

/* The report's own words; its first line. */
static void draw_header(struct tui_view *v, struct grid *g)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return;
	struct report_page page = { .m = &v->data->report, .at = REPORT_AT_PEAK,
		.style = { .out = f, .width = g->width, .utf8 = g->utf8 } };
	report_print_header(&page);
	fclose(f);
	text[strcspn(text, "\n")] = 0;
	grid_paint(g, 0, 0, g->width, ROLE_TITLE);
	int used = grid_text(g, 1, 0, g->width - 2, ROLE_TITLE, text);
	if (tui_view_is_growing(v) && used + 14 < g->width)
		grid_right(g, g->width - 12, 0, 11, ROLE_TITLE, "no end yet");
	free(text);
}

static void draw_tabs(struct tui_view *v, struct grid *g)
{
	int x = 1;
	grid_paint(g, 0, 1, g->width, ROLE_TAB);
	for (unsigned i = 0; tui_screens[i]; i++) {
		enum grid_role role = i == v->here ? ROLE_TAB_HERE : ROLE_TAB;
		bool marked = i == v->here;
		x += grid_printf(g, x, 1, g->width - x, role, "%s%u %s%s", marked ? "[" : " ", i + 1, tui_screens[i]->name,
				 marked ? "]" : " ");
	}
}

static void draw_keys(struct tui_view *v, struct grid *g, int y)
{
	const struct tui_key_help *k = tui_screens[v->here]->keys;
	char text[160];
	int x = 0;
	for (; k->keys; k++) {
		snprintf(text, sizeof text, "%s %s", k->keys, k->what);
		/* whole ones only: half a key is no help */
		if (x + (int)strlen(text) + 16 > g->width)
			break;
		x += grid_text(g, x, y, g->width, ROLE_KEY, k->keys);
		x += 3 + grid_text(g, x + 1, y, g->width, ROLE_DIM, k->what);
	}
	grid_right(g, g->width - 14, y, 14, ROLE_DIM, "? help  q quit");
}

static void draw_last_line(struct tui_view *v, struct grid *g)
{
	int y = g->height - 1;
	if (v->asking)
		grid_printf(g, 0, y, g->width, ROLE_KEY, "/%s_", v->search);
	else if (*v->message)
		grid_text(g, 0, y, g->width, ROLE_BAD, v->message);
	else
		draw_keys(v, g, y);
}

void tui_view_draw(struct tui_view *v, struct grid *g)
{
	grid_clear(g);
	if (g->width < TUI_WIDTH_MIN || g->height < TUI_HEIGHT_MIN) {
		char text[80];
		snprintf(text, sizeof text, "%d x %d is too small: at least %d x %d", g->width, g->height, TUI_WIDTH_MIN,
			 TUI_HEIGHT_MIN);
		grid_wrapped(g, grid_whole(g), ROLE_BAD, text);
		return;
	}
	draw_header(v, g);
	draw_tabs(v, g);
	tui_screens[v->here]->draw(v, g, (struct grid_area){ 0, BODY_TOP, g->width, g->height - FRAME_ROWS });
	draw_last_line(v, g);
}

void tui_screen_say(struct grid *g, struct grid_area a, const char *text)
{
	grid_wrapped(g, (struct grid_area){ a.x + 2, a.y + 1, a.width - 4, a.height - 1 }, ROLE_TEXT, text);
}

/* ---- searching ----------------------------------------------------------------------------- */

static void search(struct tui_view *v, bool down)
{
	struct tui_list *l = tui_view_list(v);
	const struct tui_screen *s = tui_screens[v->here];
	if (!s->row_text || !*v->search || !l->count)
		return;
	for (size_t i = 1; i <= l->count; i++) {
		size_t row = (l->selected + (down ? i : l->count - i)) % l->count;
		const char *text = s->row_text(v, row);
		if (text && strcasestr(text, v->search)) {
			l->selected = row;
			return;
		}
	}
	snprintf(v->message, sizeof v->message, "not found: %s", v->search);
}

static void ask_key(struct tui_view *v, int key)
{
	size_t n = strlen(v->search);
	if (key == TUI_ENTER || key == TUI_ESCAPE)
		v->asking = false;
	if (key == TUI_ENTER)
		search(v, true);
	else if (key == TUI_BACKSPACE && n)
		v->search[n - 1] = 0;
	else if (key >= ' ' && key < 127 && n + 1 < sizeof v->search)
		v->search[n] = (char)key, v->search[n + 1] = 0;
}

static void ask(struct tui_view *v)
{
	v->asking = tui_screens[v->here]->row_text != NULL;
	if (v->asking)
		*v->search = 0;
	else
		snprintf(v->message, sizeof v->message, "nothing to search on this screen");
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void go_to_screen(struct tui_view *v, unsigned i)
{
	if (i >= screen_count())
		return;
	if (tui_screens[v->here] != &screen_help)
		v->before_help = v->here;
	v->here = i;
}

static void toggle_help(struct tui_view *v)
{
	unsigned help = 0;
	while (tui_screens[help] != &screen_help)
		help++;
	go_to_screen(v, v->here == help ? v->before_help : help);
}

static void step_cursor(struct tui_view *v, bool on)
{
	if (on && v->cursor + 1 < v->data->snapshot_count)
		v->cursor++;
	else if (!on && v->cursor)
		v->cursor--;
}

static bool moving_key(struct tui_view *v, int key)
{
	unsigned n = screen_count();
	switch (key) {
	case TUI_TAB: go_to_screen(v, (v->here + 1) % n); return true;
	case TUI_BACK_TAB: go_to_screen(v, (v->here + n - 1) % n); return true;
	case '?': case TUI_F1: toggle_help(v); return true;
	case 'P': go_to_moment(v, REPORT_AT_PEAK); return true;
	case 'L': go_to_moment(v, REPORT_AT_LIVE_PEAK); return true;
	case 'X': go_to_moment(v, REPORT_AT_EXIT); return true;
	case '[': case ']': step_cursor(v, key == ']'); return true;
	default: return false;
	}
}

static void common_key(struct tui_view *v, int key)
{
	switch (key) {
	case 'q': case TUI_F1 + 9: v->quit = true; break;
	case '/': case TUI_F1 + 2: ask(v); break;
	case 'n': case 'N': search(v, key == 'n'); break;
	case 'r': tui_view_reload(v); break;
	default:
		if (key >= '1' && key <= '9')
			go_to_screen(v, (unsigned)(key - '1'));
		else if (!moving_key(v, key))
			tui_list_key(tui_view_list(v), key);
	}
}

void tui_view_key(struct tui_view *v, int key)
{
	const struct tui_screen *s = tui_screens[v->here];
	*v->message = 0;
	if (v->asking)
		ask_key(v, key);
	else if (!s->key || !s->key(v, key))
		common_key(v, key);
}

/* ---- the recording --------------------------------------------------------------------------- */

bool tui_view_is_growing(const struct tui_view *v)
{
	return !v->data->report.run->ended;
}

static void forget_tables(struct tui_view *v)
{
	stack_table_finish(&v->stacks);
	allocator_table_finish(&v->allocator);
	mapping_table_finish(&v->mappings);
}

static void take_data(struct tui_view *v, struct tui_data *d)
{
	forget_tables(v);
	tui_data_close(v->data);
	v->data = d;
	v->cursor = 0;
	size_t peak = tui_data_moment(d, REPORT_AT_PEAK);
	if (peak != SIZE_MAX)
		v->cursor = peak;
}

static int replace(struct tui_view *v, int64_t pid)
{
	struct tui_data *d;
	char error[TUI_ERROR];
	int result = tui_data_open(v->path, pid, &d, error);
	if (result) {
		snprintf(v->message, sizeof v->message, "not read again: %.480s", error);
		return result;
	}
	take_data(v, d);
	return 0;
}

int tui_view_reload(struct tui_view *v)
{
	const struct recording_snapshot *s = tui_view_snapshot(v);
	int64_t at_ns = s ? (int64_t)s->s.time_ns : -1;
	bool at_end = s && v->cursor + 1 == v->data->snapshot_count;
	/* who is largest may change; who is looked at does not */
	int64_t pid = v->data->report.process->pid;
	int result = replace(v, pid);
	if (!result && at_end)
		v->cursor = v->data->snapshot_count ? v->data->snapshot_count - 1 : 0;
	else if (!result && s)
		v->cursor = tui_data_nearest(v->data, at_ns);
	return result;
}

int tui_view_choose_process(struct tui_view *v, int64_t pid)
{
	int result = replace(v, pid);
	if (!result) {
		v->pid = pid;
		v->zoom = 0;
		memset(v->lists, 0, sizeof v->lists);
	}
	return result;
}

int tui_view_init(struct tui_view *v, const char *path, int64_t pid, char ret_error[static TUI_ERROR])
{
	struct tui_data *d;
	int result = tui_data_open(path, pid, &d, ret_error);
	if (result)
		return result;
	*v = (struct tui_view){ .path = strdup(path), .pid = pid, .by = STACK_BY_LIVE };
	take_data(v, d);
	if (v->path)
		return 0;
	snprintf(ret_error, TUI_ERROR, "%s", strerror(ENOMEM));
	tui_view_finish(v);
	return -ENOMEM;
}

void tui_view_finish(struct tui_view *v)
{
	forget_tables(v);
	tui_data_close(v->data);
	free(v->path);
}
