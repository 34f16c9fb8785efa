/* SPDX-License-Identifier: MIT */
/*
 * One walk for each table; see verdict_gather.h. The series is thinned as it comes: when it
 * is full each second point goes, and from then on only each second sample is taken.
 */
#include "verdict_gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More than a run keeps: in a hostile file the rest is not looked at, for rules compare them. */
#define SNAPSHOTS_MAX (1u << 14)
#define ARENAS_MAX 4096 /* told apart; above that all count as one */

/* ---- the heap --------------------------------------------------------------------------- */

/* As report_allocator() names it; NULL where several heaps have that name. */
static void choose_heap(struct verdict_input *in)
{
	const struct recording_process *p = in->model->process;
	const char *name = report_allocator(p);
	for (size_t i = 0; name && i < p->heap_count; i++) {
		bool linked = !strcmp(p->heaps[i].found, "symbols") || !strcmp(p->heaps[i].found, "behaviour");
		if (strcmp(p->heaps[i].name, name) || (p->heap_count > 1 && !linked))
			continue;
		in->heap = &p->heaps[i];
		in->heap_index = (uint32_t)i;
		return;
	}
}

/* ---- figures ----------------------------------------------------------------------------- */

struct figures_walk {
	struct verdict_input *in;
	int moment;
	int64_t at_ns, away_ns, time_ns;    /* of the nearest reading; -1: none */
	uint64_t whole;                     /* figures that have a value for the whole heap */
	uint64_t arenas[ARENAS_MAX / 64];   /* those that hold pages */
};

static int find_nearest(void *arg, const struct recording_figure *f)
{
	struct figures_walk *w = arg;
	int64_t away = f->time_ns > w->at_ns ? f->time_ns - w->at_ns : w->at_ns - f->time_ns;
	if (f->heap == w->in->heap_index && (w->time_ns < 0 || away < w->away_ns))
		w->time_ns = f->time_ns, w->away_ns = away;
	return 0;
}

static bool is_of_pages(int figure)
{
	return figure == WIRE_FIGURE_active || figure == WIRE_FIGURE_dirty || figure == WIRE_FIGURE_muzzy ||
	       figure == WIRE_FIGURE_free_chunks || figure == WIRE_FIGURE_allocated;
}

static void note_arena(struct figures_walk *w, const struct recording_figure *f)
{
	unsigned a = (unsigned)f->arena % ARENAS_MAX;
	if (is_of_pages(f->figure) && f->value > 0 && !(w->arenas[a / 64] >> a % 64 & 1)) {
		w->arenas[a / 64] |= UINT64_C(1) << a % 64;
		w->in->figures[w->moment].arenas_seen++;
	}
}

/* A value for the whole heap beats the arenas' sum. */
static int take_figure(void *arg, const struct recording_figure *f)
{
	struct figures_walk *w = arg;
	struct verdict_figures *to = &w->in->figures[w->moment];
	uint64_t bit = UINT64_C(1) << f->figure;
	if (f->heap != w->in->heap_index || f->time_ns != w->time_ns)
		return 0;
	if (f->arena == WIRE_ARENA_ALL) {
		to->values[f->figure] = f->value;
		w->whole |= bit;
	} else {
		note_arena(w, f);
		bool sums = figure_infos[f->figure].unit == FIGURE_BYTES;
		if (!(w->whole & bit))
			to->values[f->figure] = sums && to->has & bit ? to->values[f->figure] + f->value : f->value;
	}
	to->has |= bit;
	return 0;
}

static int gather_figures(struct recording *r, struct verdict_input *in, int moment)
{
	const struct report_found *found = &in->model->moments[moment];
	struct figures_walk w = { .in = in, .moment = moment, .time_ns = -1 };
	if (!found->had || !in->heap)
		return 0;
	w.at_ns = (int64_t)found->snapshot.s.time_ns;
	int result = recording_each_figure(r, in->model->process->id, find_nearest, &w);
	if (result || w.time_ns < 0)
		return result;
	in->figures[moment].had = true;
	in->figures[moment].time_ns = w.time_ns;
	return recording_each_figure(r, in->model->process->id, take_figure, &w);
}

/* ---- settings ------------------------------------------------------------------------------ */

static int take_setting(void *arg, const struct recording_setting *s)
{
	struct verdict_gathered *g = arg;
	size_t n = g->in.setting_count;
	if (s->heap != g->in.heap_index)
		return 0;
	struct verdict_named_value *more = reallocarray(g->settings, n + 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	g->in.settings = g->settings = more;
	more[n] = (struct verdict_named_value){ strdup(s->name), strdup(s->value) };
	g->in.setting_count++;
	return more[n].name && more[n].value ? 0 : -ENOMEM;
}

/* ---- samples, snapshots, the purge ------------------------------------------------------------ */

struct series_walk { struct verdict_gathered *g; size_t stride, seen; };

static void halve(struct series_walk *w)
{
	struct verdict_gathered *g = w->g;
	size_t kept = 0;
	for (size_t i = 0; i < g->in.series_count; i += 2)
		g->series[kept++] = g->series[i];
	g->in.series_count = kept;
	w->stride *= 2;
}

static int take_sample(void *arg, const struct recording_sample *s)
{
	struct series_walk *w = arg;
	struct verdict_gathered *g = w->g;
	if (!s->has_counters || s->s.rss_bytes < 0 || w->seen++ % w->stride)
		return 0;
	if (g->in.series_count == VERDICT_SERIES_MAX)
		halve(w);
	const struct counters *c = &s->s.counters;
	g->series[g->in.series_count++] = (struct verdict_series_point){
		.time_ns = (int64_t)s->s.time_ns, .rss_bytes = s->s.rss_bytes, .live_bytes = c->live_bytes,
		.allocated_bytes = (int64_t)c->allocated_bytes, .calls = (int64_t)(c->allocations + c->frees),
	};
	return 0;
}

static int take_snapshot(void *arg, const struct recording_snapshot *s)
{
	struct verdict_gathered *g = arg;
	size_t n = g->in.snapshot_count;
	if (n == SNAPSHOTS_MAX)
		return 0;
	if (n == g->snapshot_slots) {
		size_t slots = n ? 2 * n : 64;
		struct recording_snapshot *more = reallocarray(g->snapshots, slots, sizeof *more);
		if (!more)
			return -ENOMEM;
		g->in.snapshots = g->snapshots = more;
		g->snapshot_slots = slots;
	}
	g->snapshots[n] = *s;
	g->in.snapshot_count++;
	return 0;
}

static int take_purge(void *arg, const struct recording_purge *p)
{
	struct verdict_input *in = arg;
	bool measured = p->rss_before_bytes >= 0 && p->rss_after_bytes >= 0;
	if (p->result == WIRE_READING_OK && measured && !strcmp(p->reason, "exit")) {
		in->has_purge = true;
		in->purge = *p;
		in->purge.reason = "exit";
	}
	return 0;
}

static void find_purged(struct verdict_input *in)
{
	for (size_t i = 0; in->has_purge && i < in->snapshot_count; i++) {
		const struct recording_snapshot *s = &in->snapshots[i];
		if (s->s.trigger == TRIGGER_PURGED && (int64_t)s->s.time_ns >= in->purge.time_ns)
			in->purged = *s;
	}
}

/* What it takes off is memwhy's doing. */
static void cut_series(struct verdict_input *in)
{
	while (in->has_purge && in->series_count && in->series[in->series_count - 1].time_ns >= in->purge.time_ns)
		in->series_count--;
}

/* ---- together ----------------------------------------------------------------------------- */

static void gather_times(struct verdict_input *in)
{
	const struct recording_process *p = in->model->process;
	int64_t end = p->end_ns >= 0 ? p->end_ns : in->model->run->end_ns;
	in->run_ns = end > p->start_ns ? end - p->start_ns : 0;
	in->cpu_ns = p->user_ns >= 0 && p->system_ns >= 0 ? p->user_ns + p->system_ns : RECORDING_UNKNOWN;
}

static int gather_all(struct recording *r, struct verdict_gathered *g)
{
	uint32_t id = g->in.model->process->id;
	struct series_walk w = { g, 1, 0 };
	g->series = calloc(VERDICT_SERIES_MAX, sizeof *g->series);
	g->in.series = g->series;
	int result = g->series ? recording_each_sample(r, id, take_sample, &w) : -ENOMEM;
	if (!result)
		result = recording_each_snapshot(r, id, take_snapshot, g);
	if (!result && g->in.heap)
		result = recording_each_setting(r, id, take_setting, g);
	for (int m = 0; !result && m < REPORT_MOMENTS; m++)
		result = gather_figures(r, &g->in, m);
	if (!result)
		result = recording_each_purge(r, id, take_purge, &g->in);
	return result;
}

int verdict_gather(struct recording *r, const struct report_model *m, struct verdict_gathered *ret_gathered)
{
	struct verdict_gathered g = { .in = { .model = m } };
	choose_heap(&g.in);
	gather_times(&g.in);
	int result = gather_all(r, &g);
	if (result) {
		verdict_gather_finish(&g);
		return result;
	}
	find_purged(&g.in);
	cut_series(&g.in);
	*ret_gathered = g;
	return 0;
}

void verdict_gather_finish(struct verdict_gathered *g)
{
	for (size_t i = 0; i < g->in.setting_count; i++) {
		free(g->settings[i].name);
		free(g->settings[i].value);
	}
	free(g->settings);
	free(g->snapshots);
	free(g->series);
	*g = (struct verdict_gathered){ 0 };
}

const char *verdict_setting(const struct verdict_input *in, const char *name)
{
	for (size_t i = 0; i < in->setting_count; i++)
		if (!strcmp(in->settings[i].name, name))
			return in->settings[i].value;
	return NULL;
}
