/* SPDX-License-Identifier: MIT */
/* All processes of the run, children below their parents; Enter looks at another one. */
#include "screen.h"

#include "report_processes.h"
#include "util/units.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_ROWS 2
#define DEPTH_MAX 6
#define COMMAND_AT 55

static const struct recording_process *process_at(const struct tui_view *v, size_t i)
{
	return v->data->processes[i].process;
}

static void describe_end(const struct recording_process *p, char *ret, size_t size)
{
	if (p->how == STORE_END_EXIT || p->how == STORE_END_SIGNAL)
		snprintf(ret, size, "%s %d", recording_end_name(p->how), p->status);
	else
		snprintf(ret, size, "%s", recording_end_name(p->how));
}

static int64_t live_peak_of(const struct recording_process *p)
{
	return p->has_counters && p->probe_on && p->counters.allocations ? p->counters.live_peak_bytes : RECORDING_UNKNOWN;
}

static void draw_figure(struct grid *g, int x, int y, int64_t bytes)
{
	char text[UNITS_SIZE];
	grid_right(g, x, y, 11, ROLE_TEXT, bytes >= 0 ? units_bytes(bytes, text) : "-");
}

static void draw_row(const struct tui_view *v, const struct process_row *r, struct grid *g, struct grid_area a,
		     int y, bool here)
{
	char text[64];
	int indent = 2 * (r->depth < DEPTH_MAX ? r->depth : DEPTH_MAX);
	const struct recording_process *p = r->process;
	grid_put(g, a.x, y, ROLE_KEY, here ? '>' : ' ', here ? '>' : ' ');
	if (p == v->data->report.process)
		grid_put(g, a.x + 1, y, ROLE_KEY, '*', '*');
	snprintf(text, sizeof text, "%lld", (long long)p->pid);
	grid_right(g, a.x + 2, y, 9, ROLE_TEXT, text);
	draw_figure(g, a.x + 11, y, report_process_peak(p));
	draw_figure(g, a.x + 22, y, live_peak_of(p));
	describe_end(p, text, sizeof text);
	grid_text(g, a.x + 35, y, 10, ROLE_TEXT, text);
	const char *allocator = report_allocator(p);
	grid_text(g, a.x + 45, y, 8, ROLE_TEXT, allocator ? allocator : p->heap_count ? "several" : "-");
	grid_text(g, a.x + COMMAND_AT + indent, y, a.width - COMMAND_AT - indent, here ? ROLE_SELECTED : ROLE_TEXT,
		  *p->command ? p->command : p->exe);
}

static void draw_head(const struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct recording_run *run = v->data->report.run;
	size_t count = recording_process_count(v->data->recording);
	const char *s = count == 1 ? "" : "es";
	char bytes[UNITS_SIZE], when[UNITS_SIZE];
	static const struct { int x, width; const char *text; } right[] = {
		{ 2, 9, "pid" }, { 11, 11, "peak" }, { 22, 11, "live peak" },
	};
	if (run->tree_peak_rss_bytes >= 0)
		grid_printf(g, a.x + 1, a.y, a.width - 2, ROLE_HEADING, "%zu process%s, together %s at %s (shared pages count for each)",
			    count, s, units_bytes(run->tree_peak_rss_bytes, bytes),
			    run->tree_peak_ns >= 0 ? units_duration(run->tree_peak_ns, when) : "?");
	else
		grid_printf(g, a.x + 1, a.y, a.width - 2, ROLE_HEADING, "%zu process%s, together - (the run has no end)", count, s);
	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		grid_right(g, a.x + right[i].x, a.y + 1, right[i].width, ROLE_DIM, right[i].text);
	grid_text(g, a.x + 35, a.y + 1, 10, ROLE_DIM, "end");
	grid_text(g, a.x + 45, a.y + 1, 9, ROLE_DIM, "allocator");
	grid_text(g, a.x + COMMAND_AT, a.y + 1, a.width - COMMAND_AT, ROLE_DIM, "command");
}

/* Without a probe live is a dash; here is why. */
static void draw_selected(const struct recording_process *p, struct grid *g, struct grid_area a)
{
	const char *state = *p->probe_state ? p->probe_state : "no probe";
	int y = a.y + a.height - 1;
	if (p->probe_on)
		grid_printf(g, a.x + 1, y, a.width - 2, ROLE_DIM, "%s", p->exe);
	else
		grid_printf(g, a.x + 1, y, a.width - 2, ROLE_DIM, "live unknown: %s", state);
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	struct tui_list *l = tui_view_list(v);
	size_t count = recording_process_count(v->data->recording);
	/* not looked at yet: begin where the star is */
	for (size_t i = 0; !l->count && i < count; i++)
		if (process_at(v, i) == v->data->report.process)
			l->selected = i;
	tui_list_fit(l, count, a.height - HEAD_ROWS - 1);
	draw_head(v, g, a);
	for (int i = 0; i < l->rows && l->top + (size_t)i < count; i++)
		draw_row(v, &v->data->processes[l->top + (size_t)i], g, a, a.y + HEAD_ROWS + i, l->top + (size_t)i == l->selected);
	draw_selected(process_at(v, l->selected), g, a);
}

/* A pid that went through exec was several programs, and the report is about the largest. */
static bool key(struct tui_view *v, int k)
{
	size_t selected = tui_view_list(v)->selected;
	if (k != TUI_ENTER || selected >= recording_process_count(v->data->recording))
		return false;
	uint32_t id = process_at(v, selected)->id;
	if (tui_view_choose_process(v, process_at(v, selected)->pid))
		return true;
	tui_view_list(v)->selected = selected;
	if (v->data->report.process->id != id)
		snprintf(v->message, sizeof v->message, "pid %lld was several programs, by exec: the largest of them is shown",
			 (long long)v->data->report.process->pid);
	return true;
}

static const char *row_text(struct tui_view *v, size_t row)
{
	return row < recording_process_count(v->data->recording) ? process_at(v, row)->command : NULL;
}

static const struct tui_key_help keys[] = {
	{ "Up,Down", "process" }, { "Enter", "look at this one (*)" }, { "/", "search" }, { NULL, NULL }
};

const struct tui_screen screen_processes = {
	.name = "Processes", .meaning = "every process of the run; the one that the other screens are about has a *",
	.keys = keys, .draw = draw, .key = key, .row_text = row_text,
};
