/* SPDX-License-Identifier: MIT */
/* Loading; see data.h. */
#include "data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROW(d, what) stack_grow(&(d)->what##s, (d)->what##_count, &(d)->what##_slots, sizeof *(d)->what##s)

static int add_snapshot(void *arg, const struct recording_snapshot *s)
{
	struct tui_data *d = arg;
	struct recording_snapshot *to = GROW(d, snapshot);
	if (!to)
		return -ENOMEM;
	*to = *s;
	d->snapshot_count++;
	return 0;
}

/* Pairs become one, so that a peak is never lost and the list never grows beyond its bound. */
static void thin_points(struct tui_data *d)
{
	size_t n = d->point_count / 2;
	for (size_t i = 0; i < n; i++) {
		struct tui_point a = d->points[2 * i], b = d->points[2 * i + 1];
		d->points[i] = b.live_bytes > a.live_bytes ? b : a;
		d->points[i].rss_bytes = b.rss_bytes > a.rss_bytes ? b.rss_bytes : a.rss_bytes;
	}
	d->point_count = n;
}

static int add_sample(void *arg, const struct recording_sample *s)
{
	struct tui_data *d = arg;
	if (d->point_count == TUI_POINTS_MAX)
		thin_points(d);
	struct tui_point *p = GROW(d, point);
	if (!p)
		return -ENOMEM;
	d->point_count++;
	*p = (struct tui_point){ (int64_t)s->s.time_ns, s->s.rss_bytes,
				 s->has_counters ? s->s.counters.live_bytes : RECORDING_UNKNOWN };
	return 0;
}

static int add_mark(struct tui_data *d, int64_t time_ns, char letter, const char *text)
{
	struct tui_mark *m = d->mark_count < TUI_MARKS_MAX ? GROW(d, mark) : NULL;
	d->marks_left_out |= d->mark_count == TUI_MARKS_MAX;
	if (!m)
		return d->marks_left_out ? 0 : -ENOMEM;
	d->mark_count++;
	m->time_ns = time_ns;
	m->letter = letter;
	snprintf(m->text, sizeof m->text, strlen(text) < sizeof m->text ? "%s" : "%.45s..", text);
	return 0;
}

static int add_event(void *arg, const struct recording_event *e)
{
	static const struct { const char *kind; char letter; } kinds[] = { { "mark", 'm' }, { "fork", 'f' } };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(e->kind, kinds[i].kind))
			return add_mark(arg, e->time_ns, kinds[i].letter, e->text);
	return 0;
}

static int add_purge(void *arg, const struct recording_purge *p)
{
	return add_mark(arg, p->time_ns, 'p', p->reason);
}

static int load(struct tui_data *d)
{
	struct recording *r = d->recording;
	uint32_t id = d->report.process->id;
	int result = recording_each_snapshot(r, id, add_snapshot, d);
	if (!result)
		result = recording_each_sample(r, id, add_sample, d);
	if (!result)
		result = recording_each_event(r, id, add_event, d);
	if (!result)
		result = recording_each_purge(r, id, add_purge, d);
	if (!result)
		result = process_tree_make(r, &d->processes);
	return result;
}

/* What was recorded after the process's end (a last look) is of its time too. */
static void set_span(struct tui_data *d)
{
	const struct recording_process *p = d->report.process;
	d->begin_ns = p->start_ns;
	d->end_ns = p->end_ns >= 0 ? p->end_ns : d->report.run->end_ns;
	if (d->snapshot_count && (int64_t)d->snapshots[d->snapshot_count - 1].s.time_ns > d->end_ns)
		d->end_ns = (int64_t)d->snapshots[d->snapshot_count - 1].s.time_ns;
	if (d->end_ns <= d->begin_ns)
		d->end_ns = d->begin_ns + 1;
}

static int fill(struct tui_data *d, int64_t pid, char error[static TUI_ERROR])
{
	struct report_options options = REPORT_OPTIONS_DEFAULT;
	options.pid = pid;
	int result = report_model_init(&d->report, d->recording, &options);
	if (result) {
		snprintf(error, TUI_ERROR, "%s", report_error_text(d->recording, result));
		return result;
	}
	result = verdict_make(d->recording, &d->report, &d->verdict);
	if (!result)
		result = load(d);
	if (result)
		snprintf(error, TUI_ERROR, "%s", report_error_text(d->recording, result));
	else
		set_span(d);
	return result;
}

int tui_data_open(const char *path, int64_t pid, struct tui_data **ret_data, char ret_error[static TUI_ERROR])
{
	struct tui_data *d = calloc(1, sizeof *d);
	int result = d ? recording_open(path, &d->recording, ret_error, TUI_ERROR) : -ENOMEM;
	if (!d)
		snprintf(ret_error, TUI_ERROR, "%s", strerror(ENOMEM));
	if (!result)
		result = fill(d, pid, ret_error);
	if (!result)
		*ret_data = d;
	else if (d)
		tui_data_close(d);
	return result;
}

void tui_data_close(struct tui_data *d)
{
	if (!d)
		return;
	verdict_finish(&d->verdict);
	report_model_finish(&d->report);
	if (d->recording)
		recording_close(d->recording);
	free(d->snapshots);
	free(d->points);
	free(d->marks);
	free(d->processes);
	free(d);
}

size_t tui_data_nearest(const struct tui_data *d, int64_t time_ns)
{
	size_t best = 0;
	int64_t best_away = INT64_MAX;
	for (size_t i = 0; i < d->snapshot_count; i++) {
		int64_t away = llabs((int64_t)d->snapshots[i].s.time_ns - time_ns);
		if (away < best_away)
			best_away = away, best = i;
	}
	return best;
}

size_t tui_data_moment(const struct tui_data *d, enum report_moment at)
{
	const struct report_found *f = &d->report.moments[at];
	for (size_t i = 0; f->had && i < d->snapshot_count; i++)
		if (d->snapshots[i].id == f->snapshot.id)
			return i;
	return SIZE_MAX;
}
