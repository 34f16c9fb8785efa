/* SPDX-License-Identifier: MIT */
/*
 * Columns: label, figure, [the other moment's figure,] bar, note. A term gets a line of
 * its own when it is one of the usual ones or at least a hundredth of what is resident
 * at either moment; the crumbs are summed up as "other". Figures are net of the probe.
 */
#include "report_lines.h"

#include "util/terminal.h"
#include "util/text.h"
#include "util/units.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 15 /* with its indentation */
#define FIGURE_COLUMNS 11
#define NOTE_COLUMNS 23
#define BAR_MIN 8
#define BAR_MAX 40

struct line {
	const char *label, *note;
	int64_t bytes, beside_bytes;
	bool had, beside_had;
	enum ledger_return gives_back;
};

struct page {
	const struct report_style *style;
	const struct ledger *l, *beside; /* beside may be NULL */
	int64_t resident, beside_resident;
	int bar;                         /* columns of the longest bar */
	bool notes;
	char dirty_note[40];
};

/* ---- columns ----------------------------------------------------------------------- */

static void print_figure(const struct page *p, int64_t bytes, bool had)
{
	char text[UNITS_SIZE];
	const char *dash = p->style->utf8 ? "\u2013" : "-";
	if (had)
		fprintf(p->style->out, "%*s", FIGURE_COLUMNS, units_bytes(bytes, text));
	else
		fprintf(p->style->out, "%*s%s", FIGURE_COLUMNS - 1, "", dash);
}

static const char *colour_of(enum ledger_return gives_back)
{
	switch (gives_back) {
	case LEDGER_NOW: return "\033[33m";
	case LEDGER_SETTING: return "\033[35m";
	case LEDGER_PROGRAM: return "\033[32m";
	default: return "\033[34m";
	}
}

static int print_ascii_bar(FILE *out, int64_t eighths)
{
	int n = (int)((eighths + 4) / 8);
	if (!n)
		n = 1;
	for (int i = 0; i < n; i++)
		fputc('#', out);
	return n;
}

static int print_block_bar(FILE *out, int64_t eighths)
{
	static const char *const parts[] = { "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589" };
	for (int64_t i = 0; i < eighths / 8; i++)
		fputs("\u2588", out);
	fputs(parts[eighths % 8], out);
	return (int)((eighths + 7) / 8);
}

/* Returns the columns it took. */
static int print_bar(const struct page *p, const struct line *line)
{
	const struct report_style *s = p->style;
	if (!line->had || line->bytes <= 0 || p->resident <= 0)
		return 0;
	double share = (double)line->bytes / (double)p->resident;
	int64_t eighths = (int64_t)((share > 1 ? 1 : share) * p->bar * 8);
	/* what isn't nothing is seen */
	if (!eighths)
		eighths = 1;
	if (s->colour)
		fputs(colour_of(line->gives_back), s->out);
	int columns = s->utf8 ? print_block_bar(s->out, eighths) : print_ascii_bar(s->out, eighths);
	if (s->colour)
		fputs("\033[0m", s->out);
	return columns;
}

static void print_line(const struct page *p, const struct line *line)
{
	FILE *out = p->style->out;
	fprintf(out, "  %-*s", LABEL_COLUMNS - 2, line->label);
	print_figure(p, line->bytes, line->had);
	if (p->beside)
		print_figure(p, line->beside_bytes, line->beside_had);
	bool drawn = line->had && line->bytes > 0 && p->resident > 0;
	bool note = p->notes && line->note && *line->note;
	if (drawn || note)
		fputs("  ", out);
	int columns = print_bar(p, line);
	if (note) {
		fprintf(out, "%*s", p->bar + 1 - columns, "");
		text_print_safe(out, line->note, 0, p->style->utf8);
	}
	fputc('\n', out);
}

/* ---- which lines ------------------------------------------------------------------- */

/* Shown however small: their absence would be a question. */
static bool is_usual(enum ledger_term t)
{
	return t == LEDGER_T_live_requested_resident || t == LEDGER_T_rounding ||
	       t == LEDGER_T_fragmentation || t == LEDGER_T_retained_dirty || t == LEDGER_T_file_backed;
}

static bool is_large(const struct ledger *l, int64_t resident, enum ledger_term t)
{
	return l && ledger_has(l, t) && llabs(l->bytes[t]) * 100 >= resident;
}

static bool has_line(const struct page *p, enum ledger_term t)
{
	if (ledger_term_infos[t].kind != LEDGER_SUM || t == LEDGER_T_probe)
		return false;
	return p->style->verbose || is_usual(t) || is_large(p->l, p->resident, t) ||
	       is_large(p->beside, p->beside_resident, t);
}

static bool is_crumb(const struct page *p, enum ledger_term t)
{
	return ledger_term_infos[t].kind == LEDGER_SUM && t != LEDGER_T_probe && !has_line(p, t);
}

static const char *note_of(const struct page *p, enum ledger_term t)
{
	if (!ledger_has(p->l, t))
		return "not known: see below";
	switch (t) {
	case LEDGER_T_live_requested_resident: return "the program's own bytes";
	case LEDGER_T_rounding: return "size classes, headers";
	case LEDGER_T_fragmentation: return "free, beside live ones";
	case LEDGER_T_retained_dirty: return p->dirty_note;
	case LEDGER_T_retained_muzzy: return "free, offered back";
	case LEDGER_T_huge_fill: return "never used, huge pages";
	case LEDGER_T_allocator_metadata: return "the allocator's own";
	case LEDGER_T_program_mmap:
		return ledger_has(p->l, LEDGER_T_live_requested_resident) ? "mapped by the program" :
		       "allocator's included";
	case LEDGER_T_file_backed: return "program and libraries";
	default: return "";
	}
}

static struct line line_of(const struct page *p, enum ledger_term t)
{
	return (struct line){
		.label = ledger_term_infos[t].label, .note = note_of(p, t),
		.bytes = p->l->bytes[t], .had = ledger_has(p->l, t),
		.beside_bytes = p->beside ? p->beside->bytes[t] : 0,
		.beside_had = p->beside && ledger_has(p->beside, t),
		.gives_back = ledger_term_infos[t].gives_back,
	};
}

/* "stacks 0.5 MiB, metadata 0.2 MiB", the two largest. */
static void describe_crumbs(const struct page *p, char *ret, size_t size)
{
	int first = -1, second = -1;
	for (int t = 0; t < LEDGER_TERMS; t++) {
		if (!is_crumb(p, t) || !p->l->bytes[t])
			continue;
		if (first < 0 || llabs(p->l->bytes[t]) > llabs(p->l->bytes[first]))
			second = first, first = t;
		else if (second < 0 || llabs(p->l->bytes[t]) > llabs(p->l->bytes[second]))
			second = t;
	}
	ret[0] = 0;
	if (first >= 0)
		snprintf(ret, size, "%s%s%s", ledger_term_infos[first].label, second < 0 ? "" : ", ",
			 second < 0 ? "" : ledger_term_infos[second].label);
}

static void print_crumbs(const struct page *p)
{
	char note[64];
	struct line other = { .label = "other", .note = note };
	describe_crumbs(p, note, sizeof note);
	for (int t = 0; t < LEDGER_TERMS; t++) {
		if (!is_crumb(p, t))
			continue;
		other.had |= ledger_has(p->l, t);
		other.bytes += p->l->bytes[t];
		if (p->beside) {
			other.beside_had |= ledger_has(p->beside, t);
			other.beside_bytes += p->beside->bytes[t];
		}
	}
	if (other.bytes || other.beside_bytes)
		print_line(p, &other);
}

/* In no sum: the program's side, and what stands beside the ledger. */
static void print_beside(const struct page *p)
{
	FILE *out = p->style->out;
	fputs("  not in the sum:\n", out);
	for (int t = 0; t < LEDGER_TERMS; t++) {
		enum ledger_kind kind = ledger_term_infos[t].kind;
		if (kind != LEDGER_LIVE && kind != LEDGER_BESIDE && t != LEDGER_T_probe)
			continue;
		struct line line = line_of(p, t);
		line.note = NULL;
		if (t == LEDGER_T_live_requested)
			line.label = "all live";
		/* no bar: these are no parts of what is resident */
		fprintf(out, "  %-*s", LABEL_COLUMNS - 2, line.label);
		print_figure(p, line.bytes, line.had);
		if (p->beside)
			print_figure(p, line.beside_bytes, line.beside_had);
		fputc('\n', out);
	}
}

static void set_columns(struct page *p)
{
	int left = p->style->width - 1 - LABEL_COLUMNS - FIGURE_COLUMNS * (p->beside ? 2 : 1) - 2;
	p->notes = left >= BAR_MIN + 1 + NOTE_COLUMNS;
	p->bar = p->notes ? left - 1 - NOTE_COLUMNS : left;
	if (p->bar > BAR_MAX)
		p->bar = BAR_MAX;
	if (p->bar < 1)
		p->bar = 1;
}

void report_print_ledger(const struct report_style *style, const char *name, const struct ledger *l,
			 const char *beside_name, const struct ledger *beside, const char *allocator)
{
	struct page p = { .style = style, .l = l, .beside = beside };
	bool had = report_resident(l, &p.resident);
	bool beside_had = beside && report_resident(beside, &p.beside_resident);
	snprintf(p.dirty_note, sizeof p.dirty_note, "free, kept by %.10s", allocator ? allocator : "malloc");
	set_columns(&p);
	if (beside)
		fprintf(style->out, "%*s%*s\n", LABEL_COLUMNS + FIGURE_COLUMNS, name, FIGURE_COLUMNS, beside_name);
	struct line whole = { .label = "resident", .bytes = p.resident, .had = had,
		.beside_bytes = p.beside_resident, .beside_had = beside_had, .gives_back = LEDGER_NONE };
	print_line(&p, &whole);
	for (int t = 0; t < LEDGER_TERMS; t++) {
		struct line line = line_of(&p, t);
		if (has_line(&p, t))
			print_line(&p, &line);
	}
	print_crumbs(&p);
	if (style->verbose)
		print_beside(&p);
}

struct report_style report_style_of(const struct report_options *o, FILE *out)
{
	return (struct report_style){
		.out = out, .width = o->width > 0 ? o->width : terminal_width(out), .verbose = o->verbose > 0,
		.colour = o->colour < 0 ? terminal_has_colour(out) : o->colour,
		.utf8 = o->utf8 < 0 ? terminal_has_utf8() : o->utf8,
	};
}
