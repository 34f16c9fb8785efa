/* SPDX-License-Identifier: MIT */
/*
 * The moment that was asked for comes first, in every list. Nothing here decides: what is not
 * in the verdict is not said.
 */
#include "verdict_print.h"

#include "util/text.h"
#include "verdict_help.h"
#include "verdict_words.h"

#include <string.h>

#define SUMMARY_FINDINGS 2

static const char *const moment_words[] = { "at the peak", "at the exit", "on the average" };
static const char *const column_words[] = {
	"a purge gives it back", "a setting", "the program only", "nobody: it goes with its cause",
};

static bool is_asked(const struct verdict_finding *f, enum report_moment at)
{
	return f->moment == (at == REPORT_AT_EXIT ? VERDICT_EXIT : VERDICT_PEAK);
}

/* The index-th in the order that `at` wants; NULL behind the last. */
static const struct verdict_finding *finding_at(const struct verdict *v, enum report_moment at, size_t index)
{
	for (int asked = 1; asked >= 0; asked--)
		for (size_t i = 0; i < v->finding_count; i++)
			if (is_asked(&v->findings[i], at) == asked && !index--)
				return &v->findings[i];
	return NULL;
}

/* The order of the verdict is for the peak; of the exit only who asks for it wants to know first. */
static const struct verdict_finding *nth(const struct verdict *v, enum report_moment at, size_t index)
{
	if (at == REPORT_AT_EXIT)
		return finding_at(v, at, index);
	return index < v->finding_count ? &v->findings[index] : NULL;
}

static void print_wrapped(const struct report_style *style, const char *label, size_t indent, const char *text)
{
	fputs(label, style->out);
	text_print_wrapped(style->out, text, strlen(label), indent, (size_t)style->width, style->utf8);
}

/* ---- the summary ------------------------------------------------------------------------- */

static void print_now(const struct report_style *style, const struct verdict *v, const struct verdict_columns *c)
{
	char text[VERDICT_TEXT], took[UNITS_SIZE + 8] = "";
	if (v->purge_took_ns >= 0)
		snprintf(took, sizeof took, " in %s", TIME_TEXT(v->purge_took_ns));
	if (v->has_purge)
		snprintf(text, sizeof text, "now %s by a purge at exit (measured: %s -> %s%s)",
			 BYTES_TEXT(v->exit.had ? v->exit.now_bytes : v->purge_before_bytes - v->purge_after_bytes),
			 BYTES_TEXT(v->purge_before_bytes), BYTES_TEXT(v->purge_after_bytes), took);
	else
		snprintf(text, sizeof text, "now about %s by a purge (estimated: dirty pages, no purge was made)",
			 BYTES_TEXT(c->now_bytes));
	print_wrapped(style, "would give it back: ", 4, text);
}

/* Advice that names a setting; the program's own is a line of its own. */
static void print_advice(const struct report_style *style, const struct verdict *v, enum report_moment at)
{
	char text[2 * VERDICT_TEXT + 32];
	for (size_t i = 0; i < SUMMARY_FINDINGS; i++) {
		const struct verdict_finding *f = nth(v, at, i);
		if (!f || !*f->advice || (f->column != VERDICT_SETTING && f->column != VERDICT_NOW))
			continue;
		snprintf(text, sizeof text, "%s%s%s", f->advice, *f->price ? "; its price: " : "", f->price);
		print_wrapped(style, "    by a setting: ", 6, text);
	}
}

/* With who it is, by the first finding that has stacks to name. */
static void print_program(const struct report_style *style, const struct verdict *v, const struct verdict_columns *c,
			  enum report_moment at)
{
	char who[VERDICT_HOLDERS_TEXT] = "", text[VERDICT_HOLDERS_TEXT + 64];
	const struct verdict_finding *f;
	size_t n = 0;
	for (size_t i = 0; i < SUMMARY_FINDINGS && !*who && (f = nth(v, at, i)); i++)
		if (f->column == VERDICT_PROGRAM)
			verdict_holders_text(f, who);
	if (c->program_bytes >= VERDICT_FLOOR_BYTES)
		n = (size_t)snprintf(text, sizeof text, "%s %s%s", BYTES_TEXT(c->program_bytes),
				     moment_words[at == REPORT_AT_EXIT], *who ? "; " : "");
	snprintf(text + n, sizeof text - n, "%s", who);
	if (*text)
		print_wrapped(style, "    by the program only: ", 6, text);
}

static void print_gives_back(const struct report_style *style, const struct verdict *v, enum report_moment at)
{
	const struct verdict_columns *c = at == REPORT_AT_EXIT ? &v->exit : &v->peak;
	if (!c->had)
		return;
	if (v->has_purge || c->now_bytes >= VERDICT_FLOOR_BYTES)
		print_now(style, v, c);
	print_advice(style, v, at);
	print_program(style, v, c, at);
}

bool verdict_print_summary(const struct report_style *style, const struct verdict *v, enum report_moment at)
{
	const struct verdict_finding *f;
	for (size_t i = 0; i < SUMMARY_FINDINGS && (f = nth(v, at, i)); i++)
		print_wrapped(style, i ? "     " : "why: ", 5, f->claim);
	if (v->finding_count || v->has_purge)
		print_gives_back(style, v, at);
	return v->finding_count > 0;
}

/* ---- memwhy why ----------------------------------------------------------------------------- */

static void print_saving(const struct report_style *style, const struct verdict_finding *f)
{
	char text[VERDICT_TEXT];
	if (f->saves_bytes <= 0)
		return;
	/* how much of it the program can do without is the program's affair */
	snprintf(text, sizeof text, "%s%s %s", f->column == VERDICT_PROGRAM ? "up to " : "",
		 BYTES_TEXT(f->saves_bytes), moment_words[f->moment]);
	print_wrapped(style, "   saves: ", 10, text);
}

/* How to get stacks is for who asks for more. */
static void print_who(const struct report_style *style, const struct verdict *v, const struct verdict_finding *f)
{
	char text[VERDICT_HOLDERS_TEXT];
	verdict_holders_text(f, text);
	if (*text)
		print_wrapped(style, "   who: ", 8, text);
	else if (style->verbose && f->who != VERDICT_WHO_NOBODY)
		print_wrapped(style, "   who: ", 8, v->has_stacks ? "the recording's call stacks don't tell; memwhy top shows "
			      "what there is" : "not known; recorded with --stacks=sampled, functions are named here");
}

static void print_finding(const struct report_style *style, const struct verdict *v, const struct verdict_finding *f,
			  size_t number)
{
	FILE *out = style->out;
	fprintf(out, "\n%zu. %s: ", number, f->rule);
	if (f->bytes > 0)
		fprintf(out, "%s ", BYTES_TEXT(f->bytes));
	fprintf(out, "%s (%s)\n", moment_words[f->moment], verdict_confidence_name(f->confidence));
	print_wrapped(style, "   ", 3, f->claim);
	for (unsigned i = 0; style->verbose && i < f->evidence_count; i++)
		print_wrapped(style, "   - ", 5, f->evidence[i]);
	print_who(style, v, f);
	if (style->verbose)
		fprintf(out, "   given back by: %s\n", column_words[f->column]);
	if (*f->advice)
		print_wrapped(style, "   advice: ", 11, f->advice);
	if (*f->price)
		print_wrapped(style, "   price: ", 10, f->price);
	print_saving(style, f);
}

static void print_column(const struct report_style *style, const char *label, int64_t bytes, const char *note)
{
	fprintf(style->out, "  %-20s %10s  %s\n", label, BYTES_TEXT(bytes), note);
}

static void print_columns(const struct report_style *style, const struct verdict_columns *c, const char *when)
{
	if (!c->had)
		return;
	fprintf(style->out, "\nresident beyond live %s: %s; what gives it back\n", when,
		BYTES_TEXT(c->now_bytes + c->setting_bytes + c->program_bytes + c->nobody_bytes));
	print_column(style, "now", c->now_bytes, c->now_measured ? "a purge, measured" :
		     "a purge, estimated: dirty and muzzy pages");
	print_column(style, "by a setting", c->setting_bytes, c->now_measured ? "rounding, huge fill, caches" :
		     "rounding, huge fill");
	print_column(style, "by the program only", c->program_bytes, "pinned pages, its mappings, stacks");
	print_column(style, "by nobody", c->nobody_bytes, "files, the allocator's own, unexplained");
}

static void print_huge(const struct report_style *style, const struct report_model *m)
{
	const struct report_found *f = &m->moments[REPORT_AT_PEAK];
	const struct ledger *l = &f->snapshot.s.ledger;
	char text[VERDICT_TEXT] = "";
	int64_t resident;
	size_t n = 0;
	if (!f->had || !report_resident(l, &resident) || resident <= 0)
		return;
	if (ledger_has(l, LEDGER_T_anon_huge_pages))
		n = (size_t)snprintf(text, sizeof text, "%s of %s at the peak, %lld %%; ",
				     BYTES_TEXT(l->bytes[LEDGER_T_anon_huge_pages]), BYTES_TEXT(resident),
				     (long long)(l->bytes[LEDGER_T_anon_huge_pages] * 100 / resident));
	if (m->process->minor_faults > 0)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s resident for each of %s page faults; ",
				      BYTES_TEXT(resident / m->process->minor_faults),
				      COUNT_TEXT(m->process->minor_faults));
	if (!n)
		return;
	text[n - 2] = 0;
	print_wrapped(style, "huge pages: ", 12, text);
}

void verdict_print_beside(const struct report_style *style, const struct report_model *m, const struct verdict *v)
{
	const struct report_found *f = &m->moments[REPORT_AT_PEAK];
	char text[VERDICT_TEXT];
	int64_t resident;
	if (v->ideal_bytes >= 0 && f->had && report_resident(&f->snapshot.s.ledger, &resident)) {
		snprintf(text, sizeof text, "%s (the most that was live, files, stacks, the program's mappings); "
			 "measured %s", BYTES_TEXT(v->ideal_bytes), BYTES_TEXT(resident));
		print_wrapped(style, "ideal: ", 7, text);
	}
	print_huge(style, m);
}

void verdict_print_text(const struct report_style *style, const struct report_model *m, const struct verdict *v,
			enum report_moment at)
{
	const struct verdict_finding *f;
	for (size_t i = 0; (f = nth(v, at, i)); i++)
		print_finding(style, v, f, i + 1);
	if (!v->finding_count)
		fprintf(style->out, "\n%s\n", v->peak.had ? "nothing stands out" :
			"no verdict: how much is live is not known");
	print_columns(style, at == REPORT_AT_EXIT ? &v->exit : &v->peak, moment_words[at == REPORT_AT_EXIT]);
	if (style->verbose)
		print_columns(style, at == REPORT_AT_EXIT ? &v->peak : &v->exit, moment_words[at != REPORT_AT_EXIT]);
	fputc('\n', style->out);
	verdict_print_beside(style, m, v);
}
