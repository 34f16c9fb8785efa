/* SPDX-License-Identifier: MIT */
/* Which process, which moments; see report_model.h. Two walks over the process's
 * snapshots: the first finds the largest, the second the earliest that counts as it. */
#include "report_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool report_resident(const struct ledger *l, int64_t *ret_bytes)
{
	if (!ledger_has(l, LEDGER_T_rss))
		return false;
	*ret_bytes = l->bytes[LEDGER_T_rss] - l->bytes[LEDGER_T_probe];
	return true;
}

int64_t report_process_peak(const struct recording_process *p)
{
	return p->net_peak_bytes >= 0 ? p->net_peak_bytes :
	       p->rss_peak_bytes >= 0 ? p->rss_peak_bytes : p->ru_maxrss_bytes;
}

/* libc's own malloc is left with crumbs where the program brings one along. */
const char *report_allocator(const struct recording_process *p)
{
	const char *linked = NULL;
	size_t followed = 0;
	for (size_t i = 0; i < p->heap_count; i++) {
		const struct recording_heap *h = &p->heaps[i];
		if (strcmp(h->found, "symbols") && strcmp(h->found, "behaviour"))
			continue;
		followed += !linked || strcmp(linked, h->name);
		linked = h->name;
	}
	return followed == 1 ? linked : p->heap_count == 1 ? p->heaps[0].name : NULL;
}

static int largest_first(const void *a, const void *b)
{
	const struct recording_process *x = *(const struct recording_process *const *)a;
	const struct recording_process *y = *(const struct recording_process *const *)b;
	int64_t p = report_process_peak(x), q = report_process_peak(y);
	return p != q ? (p < q ? 1 : -1) : x->id < y->id ? -1 : x->id > y->id;
}

static int choose_process(struct report_model *m, int64_t pid)
{
	size_t count = recording_process_count(m->recording), chosen = 0;
	if (!count)
		return -ENODATA;
	m->others = calloc(count, sizeof *m->others);
	if (!m->others)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		m->others[i] = recording_process(m->recording, i);
	qsort(m->others, count, sizeof *m->others, largest_first);
	while (pid && chosen < count && m->others[chosen]->pid != pid)
		chosen++;
	if (chosen == count)
		return -ESRCH;
	m->process = m->others[chosen];
	m->other_count = count - 1;
	memmove(m->others + chosen, m->others + chosen + 1, (m->other_count - chosen) * sizeof *m->others);
	return 0;
}

struct search {
	struct report_model *m;
	int64_t at_ns;         /* < 0: not asked for */
	int64_t largest_live;
	uint64_t nearest_ns;
};

static void take(struct report_found *f, const struct recording_snapshot *s)
{
	f->had = true;
	f->snapshot = *s;
}

static void look_at_live(struct search *q, const struct recording_snapshot *s)
{
	const struct ledger *l = &s->s.ledger;
	if (ledger_has(l, LEDGER_T_live_requested) && l->bytes[LEDGER_T_live_requested] > q->largest_live) {
		q->largest_live = l->bytes[LEDGER_T_live_requested];
		take(&q->m->moments[REPORT_AT_LIVE_PEAK], s);
	}
}

static void look_at_end(struct report_found *f, const struct recording_snapshot *s)
{
	bool asked = s->s.trigger == TRIGGER_EXIT || s->s.trigger == TRIGGER_EXEC;
	/* what was taken at the exit itself beats the last look from outside */
	if (asked || (s->s.trigger == TRIGGER_LAST && (!f->had || f->snapshot.s.trigger == TRIGGER_LAST)))
		take(f, s);
}

static void look_at_time(struct search *q, const struct recording_snapshot *s)
{
	if (q->at_ns < 0)
		return;
	uint64_t at = (uint64_t)q->at_ns, t = s->s.time_ns, away = t > at ? t - at : at - t;
	struct report_found *f = &q->m->moments[REPORT_AT_TIME];
	if (!f->had || away < q->nearest_ns) {
		q->nearest_ns = away;
		take(f, s);
	}
}

static int look(void *arg, const struct recording_snapshot *s)
{
	struct search *q = arg;
	struct report_model *m = q->m;
	int64_t net;
	m->snapshots_ns += (int64_t)s->s.duration_ns;
	if (s->s.trigger == TRIGGER_PURGED) /* memwhy's own doing: no moment of the program */
		return 0;
	if (report_resident(&s->s.ledger, &net) && net > m->largest_net_bytes)
		m->largest_net_bytes = net;
	if (s->has_counters)
		m->last_counters = s->s.counters, m->counters = &m->last_counters;
	look_at_live(q, s);
	look_at_end(&m->moments[REPORT_AT_EXIT], s);
	look_at_time(q, s);
	return 0;
}

static int look_for_peak(void *arg, const struct recording_snapshot *s)
{
	struct report_model *m = arg;
	int64_t net;
	if (s->s.trigger == TRIGGER_PURGED || !report_resident(&s->s.ledger, &net) ||
	    net < m->largest_net_bytes - m->largest_net_bytes / 100)
		return 0;
	take(&m->moments[REPORT_AT_PEAK], s);
	return 1; /* the earliest within 1 % */
}

static int find_moments(struct report_model *m, const struct report_options *options)
{
	struct search q = { m, options->at == REPORT_AT_TIME ? options->at_ns : -1, -1, 0 };
	int r = recording_each_snapshot(m->recording, m->process->id, look, &q);
	if (!r && m->largest_net_bytes >= 0)
		r = recording_each_snapshot(m->recording, m->process->id, look_for_peak, m);
	return r < 0 ? r : 0;
}

int report_model_init(struct report_model *m, struct recording *r, const struct report_options *options)
{
	*m = (struct report_model){ .recording = r, .run = recording_run(r),
		.largest_net_bytes = RECORDING_UNKNOWN, .live_peak_bytes = RECORDING_UNKNOWN,
		.live_peak_ns = RECORDING_UNKNOWN };
	int result = choose_process(m, options->pid);
	if (!result)
		result = find_moments(m, options);
	if (result) {
		report_model_finish(m);
		return result;
	}
	if (m->process->has_counters)
		m->counters = &m->process->counters;
	if (m->counters && m->counters->live_peak_bytes > 0) {
		m->live_peak_bytes = m->counters->live_peak_bytes;
		m->live_peak_ns = (int64_t)m->counters->live_peak_ns;
	}
	return 0;
}

void report_model_finish(struct report_model *m)
{
	free(m->others);
	m->others = NULL;
}

enum report_trust report_trust(const struct report_model *m)
{
	const struct counters *c = m->counters;
	if (!m->process->probe_on || !c || !c->allocations)
		return REPORT_LIVE_UNKNOWN;
	uint64_t unknown = c->unknown_frees + c->unknown_reallocs + c->double_allocations;
	if (!unknown)
		return REPORT_LIVE_EXACT;
	return unknown > (c->allocations + c->frees) / 1000 ? REPORT_LIVE_UNRELIABLE : REPORT_LIVE_NEARLY;
}

const char *report_trust_name(enum report_trust t)
{
	static const char *const names[] = { "exact", "nearly-exact", "unreliable", "unknown" };
	return names[t];
}

const char *report_moment_name(enum report_moment at)
{
	static const char *const names[REPORT_MOMENTS] = { "peak", "live-peak", "exit", "time" };
	return names[at];
}
