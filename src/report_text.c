/* SPDX-License-Identifier: MIT */
/*
 * The report for people, top to bottom: who and how it ended, the ledger with bars, why,
 * how far the figures hold, the other processes, where the recording is. What could not
 * be had is said in words in its place.
 */
#include "report.h"

#include "report_lines.h"
#include "report_processes.h"
#include "report_why.h"
#include "util/text.h"
#include "util/units.h"
#include "verdict_print.h"

#include <stdlib.h>
#include <string.h>

static void print_unfinished(const struct report_page *g)
{
	char text[UNITS_SIZE];
	if (g->m->run->ended)
		return;
	fprintf(g->style.out, "the recording has no end (the run goes on, or memwhy was killed, or the disk was full); "
		"this is as of %s\n", units_duration(g->m->run->end_ns, text));
}

/* ---- the ledger ------------------------------------------------------------------------- */

static const char *const moment_words[REPORT_MOMENTS] = {
	"at the resident peak", "at the live peak", "at the exit", "nearest snapshot",
};
static const char *const moment_heads[REPORT_MOMENTS] = { "peak", "live peak", "exit", "then" };

static const char *hold_words(const struct snapshot *s)
{
	static const char *const words[HOLDS] = {
		[HOLD_RUNNING] = "taken while it ran on", [HOLD_WAITING] = "held still",
		[HOLD_FROZEN] = "held still", [HOLD_STOPPED] = "stopped",
	};
	return words[s->hold];
}

/* The exit stands beside the peak, the peak beside the exit. */
static enum report_moment beside_of(enum report_moment at)
{
	return at == REPORT_AT_EXIT ? REPORT_AT_PEAK : REPORT_AT_EXIT;
}

static void print_heading(const struct report_page *g, const struct snapshot *s, bool same)
{
	char text[UNITS_SIZE];
	fprintf(g->style.out, "\n%s, %s in", moment_words[g->at], units_duration((int64_t)s->time_ns, text));
	if (same)
		fprintf(g->style.out, g->at == REPORT_AT_EXIT ? " (the resident peak too)" : " (the exit too)");
	fprintf(g->style.out, ", %s\n", hold_words(s));
}

static const char *why_no_exit(const struct recording_process *p)
{
	switch (p->how) {
	case STORE_END_SIGNAL: return "no snapshot: a signal killed it";
	case STORE_END_RUNNING: return "it had not ended yet";
	default: return "no snapshot could be taken there";
	}
}

static void print_no_snapshot(const struct report_page *g)
{
	const struct recording_process *p = g->m->process;
	char text[UNITS_SIZE];
	FILE *out = g->style.out;
	if (g->at != REPORT_AT_PEAK && g->m->moments[REPORT_AT_PEAK].had) {
		fprintf(out, "\n%s: - (%s)\n", moment_words[g->at],
			g->at == REPORT_AT_EXIT ? why_no_exit(p) : "live is not known");
		return;
	}
	fputs("\n  resident     ", out);
	if (report_process_peak(p) >= 0)
		fprintf(out, "%s at most", units_bytes(report_process_peak(p), text));
	else
		fputs("-  it ended before it could be looked at", out);
	fputs("\n  the ledger is not known: no snapshot could be taken\n", out);
}

static void print_moment(const struct report_page *g)
{
	const struct report_found *here = &g->m->moments[g->at], *beside = &g->m->moments[beside_of(g->at)];
	const struct recording_process *p = g->m->process;
	if (!here->had) {
		print_no_snapshot(g);
		return;
	}
	bool same = beside->had && beside->snapshot.id == here->snapshot.id;
	print_heading(g, &here->snapshot.s, same);
	report_print_ledger(&g->style, moment_heads[g->at], &here->snapshot.s.ledger,
			    moment_heads[beside_of(g->at)],
			    beside->had && !same ? &beside->snapshot.s.ledger : NULL,
			    report_allocator(p));
	if (!beside->had && g->at != REPORT_AT_EXIT)
		fprintf(g->style.out, "  exit: - (%s)\n", why_no_exit(p));
}

/* ---- what else is known -------------------------------------------------------------------- */

static void print_sentence(const struct report_page *g, const char *label, const char *text)
{
	size_t indent = strlen(label);
	fputs(label, g->style.out);
	text_print_wrapped(g->style.out, text, indent, indent, (size_t)g->style.width, g->style.utf8);
}

/* The findings; where nothing was found, where the bytes are. */
static void print_why(const struct report_page *g, const struct verdict *v)
{
	if (verdict_print_summary(&g->style, v, g->at))
		return;
	char *why = report_why(g->m, g->at);
	if (why && *why)
		print_sentence(g, "why: ", why);
	free(why);
}

/* Live bytes that are not in the sum, if they are worth a word. */
static size_t describe_absent_live(const struct ledger *l, char *ret, size_t size)
{
	int64_t untouched = l->bytes[LEDGER_T_live_untouched], swapped = l->bytes[LEDGER_T_live_swapped];
	char a[UNITS_SIZE], b[UNITS_SIZE];
	if (untouched + swapped < 1 << 16)
		return 0;
	if (!swapped)
		return (size_t)snprintf(ret, size, "%s more were never touched; ", units_bytes(untouched, a));
	return (size_t)snprintf(ret, size, "%s more were never touched, %s are swapped out; ",
				units_bytes(untouched, a), units_bytes(swapped, b));
}

/* What of live is not resident, and how the live peak compares. */
static void print_live(const struct report_page *g)
{
	const struct report_found *here = &g->m->moments[g->at];
	char text[256] = "", a[UNITS_SIZE], b[UNITS_SIZE], at[UNITS_SIZE + 16] = "";
	size_t n = here->had ? describe_absent_live(&here->snapshot.s.ledger, text, sizeof text) : 0;
	if (g->m->live_peak_bytes >= 0 && report_trust(g->m) != REPORT_LIVE_UNKNOWN) {
		if (g->m->live_peak_ns > 0)
			snprintf(at, sizeof at, " at %s", units_duration(g->m->live_peak_ns, b));
		snprintf(text + n, sizeof text - n, "the most that was live was %s%s.",
			 units_bytes(g->m->live_peak_bytes, a), at);
	} else if (n >= 2) {
		text[n - 2] = 0;
	}
	if (*text)
		print_sentence(g, "live: ", text);
}

static size_t add_kernel_peak(char *text, size_t size, const char *name, int64_t bytes)
{
	char b[UNITS_SIZE];
	int n = bytes >= 0 ? snprintf(text, size, "%s %s, ", name, units_bytes(bytes, b)) :
			     snprintf(text, size, "%s not known, ", name);
	return (size_t)n;
}

/* memwhy's own part, and what the kernel says of the peak, which has that part in it. */
static void print_kernel(const struct report_page *g)
{
	const struct recording_process *p = g->m->process;
	const struct report_found *here = &g->m->moments[g->at];
	char text[512], b[UNITS_SIZE];
	size_t n = add_kernel_peak(text, sizeof text, "VmHWM", p->vm_hwm_bytes);
	n += add_kernel_peak(text + n, sizeof text - n, "ru_maxrss", p->ru_maxrss_bytes);
	if (here->had && ledger_has(&here->snapshot.s.ledger, LEDGER_T_probe))
		snprintf(text + n, sizeof text - n, "with memwhy's own pages in it, %s here; those are in no figure above",
			 units_bytes(here->snapshot.s.ledger.bytes[LEDGER_T_probe], b));
	else
		text[n - 2] = 0;
	print_sentence(g, "the kernel's peak: ", text);
}

static void print_doubts(const struct report_page *g)
{
	const struct counters *c = g->m->counters;
	const struct recording_run *run = g->m->run;
	char a[UNITS_SIZE];
	if (c && c->lost_events)
		fprintf(g->style.out, "%s mapping events were lost: program mmap, dirty and metadata may be mixed up\n",
			units_count(c->lost_events, a));
	if (run->samples_dropped || run->snapshots_dropped)
		fprintf(g->style.out, "the disk was too slow: %lld samples and %lld snapshots are not in the recording\n",
			(long long)run->samples_dropped, (long long)run->snapshots_dropped);
}

static void print_counts(const struct report_page *g, const char *verdict)
{
	const struct counters *c = g->m->counters;
	char a[UNITS_SIZE], f[UNITS_SIZE], r[UNITS_SIZE], d[UNITS_SIZE], text[256];
	snprintf(text, sizeof text, "%s allocations followed, %s unknown frees, %s unknown reallocs, %s double allocations",
		 units_count(c->allocations, a), units_count(c->unknown_frees, f),
		 units_count(c->unknown_reallocs, r), units_count(c->double_allocations, d));
	print_sentence(g, verdict, text);
}

static void print_trust(const struct report_page *g)
{
	const struct recording_process *p = g->m->process;
	char a[UNITS_SIZE];
	switch (report_trust(g->m)) {
	case REPORT_LIVE_EXACT:
		fprintf(g->style.out, "live is exact: %s allocations followed, 0 unknown frees\n",
			units_count(g->m->counters->allocations, a));
		break;
	case REPORT_LIVE_NEARLY:
		print_counts(g, "live is nearly exact: ");
		break;
	case REPORT_LIVE_UNRELIABLE:
		print_counts(g, "live is UNRELIABLE: ");
		break;
	case REPORT_LIVE_UNKNOWN:
		print_sentence(g, "live is unknown: ", !p->probe_on ? (*p->probe_state ? p->probe_state : "no probe") :
			       "no allocation was seen");
	}
}

static void print_cost(const struct report_page *g)
{
	const struct report_model *m = g->m;
	const struct report_found *here = &m->moments[g->at];
	char a[UNITS_SIZE];
	if (!g->style.verbose)
		return;
	if (here->had)
		fprintf(g->style.out, "page states from %s\n", page_source_name(here->snapshot.s.pages));
	fprintf(g->style.out, "%lld snapshots, %s together\n", (long long)m->process->snapshot_count,
		units_duration(m->snapshots_ns, a));
}

#define CALLERS_SHOWN 16

struct callers { const struct report_page *g; int shown; };

static int print_caller(void *arg, const struct recording_unknown *u)
{
	struct callers *c = arg;
	char a[UNITS_SIZE];
	if (++c->shown > CALLERS_SHOWN)
		return 0;
	fprintf(c->g->style.out, "  unknown %s by ", *u->kind ? u->kind : "call");
	text_print_safe(c->g->style.out, *u->module ? text_base_name(u->module) : "?", 0, c->g->style.utf8);
	fprintf(c->g->style.out, "+0x%llx: %s\n", (unsigned long long)u->offset, units_count((uint64_t)u->count, a));
	return 0;
}

/* Where an entry point was missed, its callers lead to it. */
static int print_callers(const struct report_page *g)
{
	struct callers c = { .g = g };
	int result = g->style.verbose ? recording_each_unknown(g->m->recording, g->m->process->id, print_caller, &c) : 0;
	if (c.shown > CALLERS_SHOWN)
		fprintf(g->style.out, "  and %d callers more\n", c.shown - CALLERS_SHOWN);
	return result;
}

int report_print_summary(struct recording *r, const struct report_options *options, FILE *out)
{
	struct report_model m;
	struct verdict v;
	int result = report_model_init(&m, r, options);
	if (result)
		return result;
	result = verdict_make(r, &m, &v);
	if (result) {
		report_model_finish(&m);
		return result;
	}
	struct report_page g = { .style = report_style_of(options, out), .m = &m, .at = options->at };
	report_print_header(&g);
	print_unfinished(&g);
	print_moment(&g);
	print_why(&g, &v);
	print_live(&g);
	print_kernel(&g);
	print_doubts(&g);
	print_trust(&g);
	result = print_callers(&g);
	report_print_others(&g);
	if (g.style.verbose)
		verdict_print_beside(&g.style, &m, &v);
	print_cost(&g);
	fputs("recording: ", out);
	text_print_safe(out, recording_file(r), 0, g.style.utf8);
	fputc('\n', out);
	verdict_finish(&v);
	report_model_finish(&m);
	return result;
}
