/* SPDX-License-Identifier: MIT */
/* See report_reconcile.h. Snapshots of a heap that ran on are left out: they smear. */
#include "report_reconcile.h"

#include "util/text.h"
#include "util/units.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_COLUMN 36 /* where the words begin, behind three figures */

struct walk {
	const struct report_model *m;
	const struct reconcile_readings *readings;
	int64_t at_ns;
	struct report_reconciliation *to;
};

/* ---- choosing ------------------------------------------------------------------------------- */

static int64_t away(const struct walk *w, int64_t time_ns)
{
	return time_ns > w->at_ns ? time_ns - w->at_ns : w->at_ns - time_ns;
}

static int look(void *arg, const struct recording_snapshot *s)
{
	struct walk *w = arg;
	struct reconcile_comparison c;
	int64_t time_ns = (int64_t)s->s.time_ns;
	if (s->s.hold == HOLD_RUNNING || s->s.trigger == TRIGGER_PURGED)
		return 0;
	for (size_t i = 0; i < w->to->count; i++) {
		struct report_reconciled *h = &w->to->heaps[i];
		if (h->comparison.count && away(w, time_ns) >= away(w, h->snapshot_ns))
			continue;
		reconcile_snapshot(w->readings, s, w->m->process, (uint32_t)i, &c);
		if (c.count)
			h->snapshot_ns = time_ns, h->comparison = c;
	}
	return 0;
}

int report_reconcile(const struct report_model *m, enum report_moment at, struct report_reconciliation *ret)
{
	struct reconcile_readings readings;
	struct report_reconciliation t = { .process = m->process, .count = m->process->heap_count };
	const struct report_found *f = &m->moments[at];
	struct walk w = { m, &readings, f->had ? (int64_t)f->snapshot.s.time_ns : m->run->end_ns, &t };
	t.count = t.count < WIRE_HEAPS ? t.count : WIRE_HEAPS;
	int result = reconcile_readings_init(&readings, m->recording, m->process->id);
	if (result)
		return result;
	for (size_t i = 0; i < t.count; i++)
		t.heaps[i].heap = &m->process->heaps[i];
	result = recording_each_snapshot(m->recording, m->process->id, look, &w);
	reconcile_readings_finish(&readings);
	if (!result)
		*ret = t;
	return result;
}

/* ---- printing ------------------------------------------------------------------------------- */

/* Its sign stands before the figure; units_bytes() is for sizes. */
static const char *signed_bytes(int64_t bytes, char ret[static UNITS_SIZE + 1])
{
	ret[0] = bytes < 0 ? '-' : bytes > 0 ? '+' : ' ';
	units_bytes(llabs(bytes), ret + 1);
	return bytes ? ret : ret + 1;
}

static void print_line(const struct report_style *style, const struct reconcile_line *l)
{
	char figure[UNITS_SIZE], ledger[UNITS_SIZE], difference[UNITS_SIZE + 1], words[512];
	int n = fprintf(style->out, "  %10s %10s %10s  ", units_bytes(l->figure_bytes, figure),
			units_bytes(l->ledger_bytes, ledger), signed_bytes(l->difference_bytes, difference));
	snprintf(words, sizeof words, "%s = %s%s%s", l->figure, l->sum, *l->explanation ? ": " : "", l->explanation);
	text_print_wrapped(style->out, words, (size_t)n, WORDS_COLUMN + 2, (size_t)style->width, style->utf8);
}

/* Beside one that is linked in, the C library's has next to nothing of the ledger. */
static bool is_shown(const struct report_reconciliation *t, size_t index)
{
	const char *name = report_allocator(t->process);
	const struct report_reconciled *h = &t->heaps[index];
	return h->comparison.count && (!name || !strcmp(h->heap->name, name));
}

void report_print_reconciliation(const struct report_style *style, const struct report_reconciliation *t)
{
	char when[UNITS_SIZE];
	for (size_t i = 0; i < t->count; i++) {
		const struct report_reconciled *h = &t->heaps[i];
		if (!is_shown(t, i))
			continue;
		fputc('\n', style->out);
		text_print_safe(style->out, h->heap->name, 32, style->utf8);
		fprintf(style->out, "'s own figures beside the ledger, %s in; memwhy-ledger(7)\n",
			units_duration(h->snapshot_ns, when));
		fprintf(style->out, "  %10s %10s %10s\n", "it says", "ledger", "difference");
		for (size_t k = 0; k < h->comparison.count; k++)
			print_line(style, &h->comparison.lines[k]);
	}
}

static void print_json_line(struct json *j, const struct report_reconciled *h, const struct reconcile_line *l)
{
	json_begin_object(j, NULL);
	json_string(j, "allocator", h->heap->name);
	json_integer(j, "time_ns", h->snapshot_ns);
	json_integer(j, "read_ns", h->comparison.read_ns);
	json_string(j, "figures", l->figure);
	json_integer(j, "figures_bytes", l->figure_bytes);
	json_string(j, "terms", l->sum);
	json_integer(j, "terms_bytes", l->ledger_bytes);
	json_integer(j, "difference_bytes", l->difference_bytes);
	json_bool(j, "explained", l->explained);
	json_string(j, "explanation", *l->explanation ? l->explanation : NULL);
	json_end_object(j);
}

void report_print_reconciliation_json(struct json *j, const struct report_reconciliation *t)
{
	json_begin_array(j, "reconciliation");
	for (size_t i = 0; i < t->count; i++)
		for (size_t k = 0; k < t->heaps[i].comparison.count; k++)
			print_json_line(j, &t->heaps[i], &t->heaps[i].comparison.lines[k]);
	json_end_array(j);
}
