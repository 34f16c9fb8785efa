/* SPDX-License-Identifier: MIT */
/* Figures of moments, and sentences; see verdict_help.h. */
#include "verdict_help.h"

#include <stdarg.h>
#include <stdio.h>

const struct ledger *verdict_ledger(const struct verdict_input *in, enum report_moment at)
{
	const struct report_found *f = &in->model->moments[at];
	const struct ledger *l = &f->snapshot.s.ledger;
	return f->had && ledger_has(l, LEDGER_T_rss) && ledger_has(l, LEDGER_T_live_requested_resident) ? l : NULL;
}

int64_t verdict_time_ns(const struct verdict_input *in, enum report_moment at)
{
	return (int64_t)in->model->moments[at].snapshot.s.time_ns;
}

int64_t verdict_resident(const struct ledger *l)
{
	return l->bytes[LEDGER_T_rss] - l->bytes[LEDGER_T_probe];
}

int64_t verdict_gap(const struct ledger *l)
{
	return verdict_resident(l) - l->bytes[LEDGER_T_live_requested_resident];
}

int64_t verdict_dirty(const struct ledger *l)
{
	return l->bytes[LEDGER_T_retained_dirty] + l->bytes[LEDGER_T_retained_muzzy];
}

bool verdict_is_worth(const struct ledger *l, int64_t bytes)
{
	return bytes >= VERDICT_FLOOR_BYTES && bytes >= verdict_gap(l) / VERDICT_GAP_SHARE &&
	       bytes >= verdict_resident(l) / VERDICT_RSS_SHARE;
}

/* Counters know the mark, snapshots how much of live was never touched. */
int64_t verdict_live_peak(const struct verdict_input *in)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_LIVE_PEAK);
	int64_t peak = in->model->live_peak_bytes, largest = RECORDING_UNKNOWN;
	if (l && ledger_has(l, LEDGER_T_live_untouched))
		peak -= l->bytes[LEDGER_T_live_untouched] + l->bytes[LEDGER_T_live_swapped];
	for (size_t i = 0; i < in->snapshot_count; i++) {
		const struct ledger *s = &in->snapshots[i].s.ledger;
		if (ledger_has(s, LEDGER_T_live_requested_resident) &&
		    s->bytes[LEDGER_T_live_requested_resident] > largest)
			largest = s->bytes[LEDGER_T_live_requested_resident];
	}
	return peak > largest ? peak : largest;
}

/* What no allocator decides. */
static int64_t not_heap(const struct ledger *l)
{
	return l->bytes[LEDGER_T_file_backed] + l->bytes[LEDGER_T_stacks] + l->bytes[LEDGER_T_program_mmap] +
	       l->bytes[LEDGER_T_shared_memory];
}

int64_t verdict_ideal(const struct verdict_input *in)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	int64_t live = verdict_live_peak(in);
	return l && live >= 0 ? live + not_heap(l) : RECORDING_UNKNOWN;
}

int64_t verdict_kept_at_peak(const struct verdict_input *in)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK), *full = verdict_ledger(in, REPORT_AT_LIVE_PEAK);
	int64_t ideal = verdict_ideal(in);
	if (!l || ideal < 0)
		return 0;
	int64_t rounding = full ? full->bytes[LEDGER_T_rounding] : l->bytes[LEDGER_T_rounding];
	int64_t above = verdict_resident(l) - ideal - rounding - l->bytes[LEDGER_T_allocator_metadata] -
			l->bytes[LEDGER_T_huge_fill];
	int64_t free_bytes = verdict_dirty(l) + l->bytes[LEDGER_T_fragmentation];
	return above < 0 ? 0 : above < free_bytes ? above : free_bytes;
}

bool verdict_figure(const struct verdict_input *in, enum report_moment at, enum wire_figure f, int64_t *ret_value)
{
	if (!in->figures[at].had || !(in->figures[at].has >> f & 1))
		return false;
	*ret_value = in->figures[at].values[f];
	return true;
}

int64_t verdict_busy_cpus(const struct verdict_input *in)
{
	if (in->cpu_ns <= 0 || in->run_ns <= 0)
		return 1;
	int64_t busy = (in->cpu_ns + in->run_ns / 2) / in->run_ns;
	return busy > 1 ? busy : 1;
}

int64_t verdict_threads(const struct verdict_input *in)
{
	const struct report_found *f = &in->model->moments[REPORT_AT_PEAK];
	int64_t most = f->had && f->snapshot.has_counters ? f->snapshot.s.counters.threads : 0;
	const struct counters *last = in->model->counters;
	return last && last->threads > most ? last->threads : most;
}

/* ---- quiet stretches ----------------------------------------------------------------------- */

/* Within a hundredth of the mark, and 64 KiB of crumbs. */
bool verdict_is_level(const struct verdict_input *in, int64_t live_a_bytes, int64_t live_b_bytes)
{
	int64_t peak = in->model->live_peak_bytes > 0 ? in->model->live_peak_bytes : 0;
	int64_t apart = live_a_bytes > live_b_bytes ? live_a_bytes - live_b_bytes : live_b_bytes - live_a_bytes;
	return apart <= peak / 100 + (64 << 10);
}

#define IDLE_CALLS_PER_SECOND 1000

bool verdict_is_idle(const struct verdict_quiet *q)
{
	return q->calls * 1000 / ((q->to_ns - q->from_ns) / 1000000 + 1) < IDLE_CALLS_PER_SECOND;
}

static struct verdict_quiet stretch(const struct verdict_input *in, size_t from, size_t to)
{
	const struct verdict_series_point *a = &in->series[from], *b = &in->series[to];
	return (struct verdict_quiet){ a->time_ns, b->time_ns, b->calls - a->calls, a->rss_bytes, b->rss_bytes,
				       b->live_bytes };
}

bool verdict_next_quiet(const struct verdict_input *in, int64_t at_least_ns, size_t *cursor,
			struct verdict_quiet *ret_quiet)
{
	while (*cursor < in->series_count) {
		size_t from = *cursor, to = from + 1;
		while (to < in->series_count &&
		       verdict_is_level(in, in->series[to].live_bytes, in->series[from].live_bytes))
			to++;
		*cursor = to;
		struct verdict_quiet q = stretch(in, from, to - 1);
		if (q.to_ns > q.from_ns && q.to_ns - q.from_ns >= at_least_ns) {
			*ret_quiet = q;
			return true;
		}
	}
	return false;
}

/* ---- words ----------------------------------------------------------------------------------- */

#define FORMAT_INTO(text) do { \
	va_list args; \
	va_start(args, format); \
	vsnprintf((text), VERDICT_TEXT, format, args); \
	va_end(args); \
} while (0)

void finding_claim(struct verdict_finding *f, const char *format, ...)
{
	FORMAT_INTO(f->claim);
}

void finding_advise(struct verdict_finding *f, const char *format, ...)
{
	FORMAT_INTO(f->advice);
}

void finding_price(struct verdict_finding *f, const char *text)
{
	snprintf(f->price, sizeof f->price, "%s", text);
}

void finding_show(struct verdict_finding *f, const char *format, ...)
{
	if (f->evidence_count < VERDICT_EVIDENCE_MAX)
		FORMAT_INTO(f->evidence[f->evidence_count++]);
}

void finding_ask(struct verdict_finding *f, enum verdict_who who, int64_t snapshot_ns)
{
	f->who = who;
	f->who_ns = snapshot_ns;
}
