/* SPDX-License-Identifier: MIT */
/* Sentences out of ledgers; see report_why.h. */
#include "report_why.h"

#include "util/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_gap_term(const struct ledger *l, enum ledger_term t)
{
	return ledger_term_infos[t].kind == LEDGER_SUM && t != LEDGER_T_live_requested_resident &&
	       t != LEDGER_T_probe && ledger_has(l, t) && l->bytes[t] > 0;
}

static bool is_listed(const struct report_gap *g, enum ledger_term t)
{
	for (size_t i = 0; i < g->term_count; i++)
		if (g->terms[i] == t)
			return true;
	return false;
}

static int largest_left(const struct ledger *l, const struct report_gap *g)
{
	int best = -1;
	for (int t = 0; t < LEDGER_TERMS; t++)
		if (is_gap_term(l, t) && !is_listed(g, t) && (best < 0 || l->bytes[t] > l->bytes[best]))
			best = t;
	return best;
}

bool report_gap(const struct ledger *l, struct report_gap *ret_gap)
{
	struct report_gap g = { 0 };
	if (!report_resident(l, &g.resident_bytes))
		return false;
	g.live_had = ledger_has(l, LEDGER_T_live_requested_resident);
	g.live_bytes = l->bytes[LEDGER_T_live_requested_resident];
	g.gap_bytes = g.resident_bytes - g.live_bytes;
	int64_t told = 0;
	/* four fifths of the gap, in at most three terms, none of them a crumb */
	while (g.term_count < 3 && told < g.gap_bytes / 5 * 4) {
		int t = largest_left(l, &g);
		if (t < 0 || l->bytes[t] < g.gap_bytes / 20)
			break;
		g.terms[g.term_count++] = t;
		told += l->bytes[t];
	}
	*ret_gap = g;
	return true;
}

/* What a term is, in the middle of a sentence. */
static const char *words_of(const struct ledger *l, enum ledger_term t)
{
	switch (t) {
	case LEDGER_T_retained_dirty: return "freed but kept by the allocator (dirty)";
	case LEDGER_T_retained_muzzy: return "freed and offered back to the kernel (muzzy)";
	case LEDGER_T_fragmentation: return "free on pages that live blocks pin (fragmentation)";
	case LEDGER_T_rounding: return "size classes and headers (rounding)";
	case LEDGER_T_huge_fill: return "never-used parts of huge pages (huge fill)";
	case LEDGER_T_allocator_metadata: return "the allocator's own (metadata)";
	case LEDGER_T_program_mmap: /* without a probe an allocator's mappings are among them */
		return ledger_has(l, LEDGER_T_live_requested_resident) ? "mapped by the program itself" :
		       "mapped by the program, its own allocator's pages included";
	case LEDGER_T_file_backed: return "files (executable, libraries)";
	default: return ledger_term_infos[t].label;
	}
}

static void print_terms(FILE *f, const struct ledger *l, const struct report_gap *g)
{
	char text[UNITS_SIZE];
	for (size_t i = 0; i < g->term_count; i++)
		fprintf(f, "%s%s %s", i == 0 ? "" : i + 1 < g->term_count ? ", " : " and ",
			units_bytes(l->bytes[g->terms[i]], text), words_of(l, g->terms[i]));
}

static void print_sentence(FILE *f, const char *when, const struct ledger *l)
{
	struct report_gap g;
	char a[UNITS_SIZE], b[UNITS_SIZE];
	if (!report_gap(l, &g) || g.resident_bytes <= 0)
		return;
	units_bytes(g.resident_bytes, b);
	bool mostly_live = g.live_had && g.live_bytes >= g.gap_bytes;
	if (!g.live_had)
		fprintf(f, "%s, of %s resident: ", when, b);
	else if (mostly_live)
		fprintf(f, "%s most of what is resident is the program's live data, %s of %s", when,
			units_bytes(g.live_bytes, a), b);
	else
		fprintf(f, "%s %s of %s resident is not live data", when, units_bytes(g.gap_bytes, a), b);
	if (g.term_count && g.live_had)
		fputs(mostly_live ? "; the rest is mostly " : ": ", f);
	print_terms(f, l, &g);
	if (!g.live_had)
		fprintf(f, "%show much is live data is not known", g.term_count ? "; " : "");
	fputc('.', f);
}

char *report_why(const struct report_model *m, enum report_moment at)
{
	static const char *const when[REPORT_MOMENTS] = { "at the peak", "at the live peak", "at the exit", "then" };
	const struct report_found *here = &m->moments[at], *end = &m->moments[REPORT_AT_EXIT];
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	if (here->had)
		print_sentence(f, when[at], &here->snapshot.s.ledger);
	if (end->had && here->had && end->snapshot.id != here->snapshot.id) {
		fputc(' ', f);
		print_sentence(f, "At the exit", &end->snapshot.s.ledger);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
