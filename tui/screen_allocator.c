/* SPDX-License-Identifier: MIT */
/*
 * What the allocators said of themselves, at the reading nearest to the cursor: their figures
 * beside the ledger's where both count the same, arenas, settings in force, purges. Theirs
 * never stand for ours; a difference is shown as it is.
 */
#include "screen.h"

#include "page.h"
#include "util/units.h"

#include <stdlib.h>
#include <string.h>

#define MS_NS INT64_C(1000000)

/* Which terms of the ledger count what a figure counts. */
static const struct { enum wire_figure figure; int terms[2]; } beside[] = {
	{ WIRE_FIGURE_allocated, { LEDGER_T_live_requested, LEDGER_T_rounding } },
	{ WIRE_FIGURE_dirty, { LEDGER_T_retained_dirty, -1 } },
	{ WIRE_FIGURE_muzzy, { LEDGER_T_retained_muzzy, -1 } },
	{ WIRE_FIGURE_metadata, { LEDGER_T_allocator_metadata, -1 } },
};
static const enum wire_figure arena_figures[] = {
	WIRE_FIGURE_active, WIRE_FIGURE_dirty, WIRE_FIGURE_muzzy, WIRE_FIGURE_retained, WIRE_FIGURE_threads,
};
#define ARENA_FIGURES (sizeof arena_figures / sizeof *arena_figures)

static const char *value_text(int figure, int64_t value, char ret[static UNITS_SIZE])
{
	switch (figure_infos[figure].unit) {
	case FIGURE_BYTES: return units_bytes(value, ret);
	case FIGURE_MS: return value < 0 ? "never" : value < INT64_MAX / MS_NS ? units_duration(value * MS_NS, ret) : "never";
	default: return value < 0 ? "-" : units_count((uint64_t)value, ret);
	}
}

/* False: no term counts the same, or it could not be had. */
static bool ledger_figure(const struct ledger *l, int figure, int64_t *ret_bytes)
{
	for (size_t i = 0; l && i < sizeof beside / sizeof *beside; i++) {
		if ((int)beside[i].figure != figure)
			continue;
		int64_t sum = 0;
		for (int t = 0; t < 2; t++) {
			if (beside[i].terms[t] < 0)
				continue;
			if (!ledger_has(l, beside[i].terms[t]))
				return false;
			sum += l->bytes[beside[i].terms[t]];
		}
		*ret_bytes = sum;
		return true;
	}
	return false;
}

/* ---- one heap ---------------------------------------------------------------------------------- */

static void print_figures(FILE *f, const struct tui_view *v, uint32_t heap)
{
	const struct allocator_table *t = &v->allocator;
	const struct recording_snapshot *s = tui_view_snapshot(v);
	bool first = true;
	for (size_t i = 0; i < t->figure_count; i++) {
		const struct recording_figure *x = &t->figures[i];
		char value[UNITS_SIZE], ledger[UNITS_SIZE], when[UNITS_SIZE];
		int64_t bytes;
		if (x->heap != heap || x->arena != WIRE_ARENA_ALL)
			continue;
		if (first)
			fprintf(f, "  by its own account, %s in         %8s  the ledger has\n",
				units_duration(x->time_ns, when), "");
		first = false;
		bool had = ledger_figure(s ? &s->s.ledger : NULL, x->figure, &bytes);
		fprintf(f, "    %-20s%12s  %12s  %s\n", figure_infos[x->figure].name, value_text(x->figure, x->value, value),
			had ? units_bytes(bytes, ledger) : "", figure_infos[x->figure].meaning);
	}
	if (first)
		fputs("  it said nothing of itself\n", f);
}

static void print_arena(FILE *f, int32_t arena, const int64_t *values, const bool *had)
{
	char text[UNITS_SIZE];
	fprintf(f, "    %5d", arena);
	for (size_t i = 0; i < ARENA_FIGURES; i++)
		fprintf(f, " %12s", had[i] ? value_text((int)arena_figures[i], values[i], text) : "-");
	fputc('\n', f);
}

static void note_arena(const struct recording_figure *x, int64_t *values, bool *had)
{
	for (size_t k = 0; k < ARENA_FIGURES; k++)
		if ((int)arena_figures[k] == x->figure)
			values[k] = x->value, had[k] = true;
}

/* The figures are in order of heap, arena, figure. */
static void print_arenas(FILE *f, const struct allocator_table *t, uint32_t heap)
{
	int64_t values[ARENA_FIGURES];
	bool had[ARENA_FIGURES] = { 0 }, first = true;
	for (size_t i = 0; i < t->figure_count; i++) {
		const struct recording_figure *x = &t->figures[i];
		if (x->heap != heap || x->arena == WIRE_ARENA_ALL)
			continue;
		if (first) {
			fprintf(f, "    %5s", "arena");
			for (size_t k = 0; k < ARENA_FIGURES; k++)
				fprintf(f, " %12s", figure_infos[arena_figures[k]].name);
			fputc('\n', f);
		}
		first = false;
		note_arena(x, values, had);
		if (i + 1 == t->figure_count || t->figures[i + 1].arena != x->arena || t->figures[i + 1].heap != heap) {
			print_arena(f, x->arena, values, had);
			memset(had, 0, sizeof had);
		}
	}
}

static void print_settings(FILE *f, const struct allocator_table *t, uint32_t heap)
{
	bool first = true;
	for (size_t i = 0; i < t->setting_count; i++) {
		if (t->settings[i].heap != heap)
			continue;
		if (first)
			fputs("  settings in force\n", f);
		first = false;
		fprintf(f, "    %-28s %s\n", t->settings[i].name, t->settings[i].value);
	}
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static const char *net_text(int64_t bytes, char ret[static UNITS_SIZE])
{
	return bytes >= 0 ? units_bytes(bytes, ret) : "-";
}

static void print_purges(FILE *f, const struct allocator_table *t)
{
	char when[UNITS_SIZE], before[UNITS_SIZE], after[UNITS_SIZE], took[UNITS_SIZE];
	if (t->purge_count)
		fputs("Purges by memwhy\n", f);
	for (size_t i = 0; i < t->purge_count; i++) {
		const struct recording_purge *p = &t->purges[i];
		fprintf(f, "  %s in: resident %s -> %s, took %s (%s)\n", units_duration(p->time_ns, when),
			net_text(p->rss_before_bytes, before), net_text(p->rss_after_bytes, after),
			p->took_ns >= 0 ? units_duration(p->took_ns, took) : "-",
			reading_result_name((enum wire_reading_result)p->result));
	}
}

static void print_readings(FILE *f, const struct allocator_table *t)
{
	if (!t->readings)
		fputs("No allocator was asked (an older recording, no probe, or too short a run).\n", f);
	else if (t->failed)
		fprintf(f, "%lld of %lld readings told nothing; the last one: %s\n", (long long)t->failed,
			(long long)t->readings, reading_result_name((enum wire_reading_result)t->last_failure));
}

static void print_all(FILE *f, const struct tui_view *v)
{
	const struct recording_process *p = v->data->report.process;
	for (size_t i = 0; i < p->heap_count; i++) {
		const struct recording_heap *h = &p->heaps[i];
		fprintf(f, "%s%s%s (%s) %s\n", h->name, *h->version ? " " : "", h->version, h->found, h->path);
		print_figures(f, v, (uint32_t)i);
		print_arenas(f, &v->allocator, (uint32_t)i);
		print_settings(f, &v->allocator, (uint32_t)i);
		fputc('\n', f);
	}
	if (!p->heap_count)
		fputs("No allocator is known in this process.\n", f);
	print_purges(f, &v->allocator);
	print_readings(f, &v->allocator);
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct recording_snapshot *s = tui_view_snapshot(v);
	char *text = NULL;
	size_t size;
	int result = allocator_table_load(&v->allocator, v->data->recording, v->data->report.process->id,
					  s ? (int64_t)s->s.time_ns : 0);
	FILE *f = result ? NULL : open_memstream(&text, &size);
	if (!f) {
		tui_screen_say(g, a, result ? report_error_text(v->data->recording, result) : "out of memory");
		return;
	}
	print_all(f, v);
	fclose(f);
	tui_page_draw(g, a, tui_view_list(v), text);
	free(text);
}

static const struct tui_key_help keys[] = {
	{ "Up,Down", "scroll" }, { "[,]", "snapshot" }, { NULL, NULL }
};

const struct tui_screen screen_allocator = {
	.name = "Allocator", .meaning = "the allocators' own figures beside the ledger's, arenas, settings, purges",
	.keys = keys, .draw = draw,
};
