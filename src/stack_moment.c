/* SPDX-License-Identifier: MIT */
/* Which snapshot a model's figures are of; see stack_model.h. Not every snapshot has its
 * stacks read: else it is the nearest that has, and the model says so. */
#include "stack_model.h"

#include <errno.h>

struct nearest { struct stack_model *m; int64_t at_ns, away_ns; bool had; };

static int note_one(void *arg, const struct recording_stack_figure *s)
{
	*(bool *)arg = true;
	return 1;
}

/* 1, 0, or -errno. */
static int has_figures(struct stack_model *m, int64_t snapshot_id)
{
	bool had = false;
	int r = recording_each_stack_figure(m->report.recording, snapshot_id, note_one, &had);
	return r < 0 ? r : had;
}

static int look_nearby(void *arg, const struct recording_snapshot *s)
{
	struct nearest *n = arg;
	int64_t t = (int64_t)s->s.time_ns, away = t > n->at_ns ? t - n->at_ns : n->at_ns - t;
	int has = n->had && away >= n->away_ns ? 0 : has_figures(n->m, s->id);
	if (has <= 0)
		return has;
	n->had = true;
	n->away_ns = away;
	n->m->snapshot = *s;
	return 0;
}

int stack_model_choose_moment(struct stack_model *m)
{
	const struct report_found *f = &m->report.moments[m->query.report.at];
	struct nearest n = { m, m->query.report.at_ns, 0, false };
	if (f->had) {
		m->snapshot = f->snapshot;
		n.at_ns = (int64_t)f->snapshot.s.time_ns;
		int has = has_figures(m, f->snapshot.id);
		if (has)
			return has < 0 ? has : 0;
	} else if (m->query.report.at != REPORT_AT_TIME) {
		n.at_ns = m->report.process->end_ns;
	}
	int r = recording_each_snapshot(m->report.recording, m->report.process->id, look_nearby, &n);
	m->elsewhere = n.had;
	return r ? r : n.had ? 0 : -ENOMSG;
}
