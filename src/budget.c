/* SPDX-License-Identifier: MIT */
/* See budget.h. */
#include "budget.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- figures ------------------------------------------------------------------------ */

/* False: could not be had. */
typedef bool special_fn(const struct report_model *m, double *ret_value);

static bool known(int64_t value, double *ret_value)
{
	*ret_value = (double)value;
	return value >= 0;
}

static bool resident_at(const struct report_model *m, enum report_moment at, double *ret_value)
{
	int64_t bytes;
	if (!m->moments[at].had || !report_resident(&m->moments[at].snapshot.s.ledger, &bytes))
		return false;
	*ret_value = (double)bytes;
	return true;
}

static bool peak_rss(const struct report_model *m, double *v) { return resident_at(m, REPORT_AT_PEAK, v); }
static bool exit_rss(const struct report_model *m, double *v) { return resident_at(m, REPORT_AT_EXIT, v); }
static bool live_peak(const struct report_model *m, double *v)
{
	return report_trust(m) != REPORT_LIVE_UNKNOWN && known(m->live_peak_bytes, v);
}
static bool maxrss(const struct report_model *m, double *v) { return known(m->process->ru_maxrss_bytes, v); }
static bool tree_peak(const struct report_model *m, double *v) { return known(m->run->tree_peak_rss_bytes, v); }
static bool wall(const struct report_model *m, double *v) { return m->run->ended && known(m->run->end_ns, v); }
static bool cpu(const struct report_model *m, double *v)
{
	const struct recording_process *p = m->process;
	return p->user_ns >= 0 && p->system_ns >= 0 && known(p->user_ns + p->system_ns, v);
}
static bool faults(const struct report_model *m, double *v)
{
	const struct recording_process *p = m->process;
	return p->minor_faults >= 0 && p->major_faults >= 0 && known(p->minor_faults + p->major_faults, v);
}
static bool allocations(const struct report_model *m, double *v)
{
	*v = m->counters ? (double)m->counters->allocations : 0;
	return m->counters != NULL;
}

static const struct special {
	const char *name;
	enum budget_unit unit;
	special_fn *get;
	const char *meaning;
} specials[] = {
	{ "peak_rss", BUDGET_BYTES, peak_rss, "resident bytes at the resident peak, without memwhy's own" },
	{ "exit_rss", BUDGET_BYTES, exit_rss, "resident bytes at the exit" },
	{ "live_peak", BUDGET_BYTES, live_peak, "the most that was live, by the counters" },
	{ "ru_maxrss", BUDGET_BYTES, maxrss, "the kernel's peak, with memwhy's own pages in it" },
	{ "tree_peak", BUDGET_BYTES, tree_peak, "the largest sum over all processes" },
	{ "wall", BUDGET_NS, wall, "from start to end, under memwhy" },
	{ "cpu", BUDGET_NS, cpu, "user and system time, under memwhy" },
	{ "faults", BUDGET_COUNT, faults, "page faults, under memwhy" },
	{ "allocations", BUDGET_COUNT, allocations, "calls that handed out a block" },
};
#define SPECIALS (sizeof specials / sizeof *specials)

const char *budget_name(size_t index, const char **ret_meaning)
{
	if (index < SPECIALS) {
		*ret_meaning = specials[index].meaning;
		return specials[index].name;
	}
	index -= SPECIALS;
	if (index >= LEDGER_TERMS)
		return NULL;
	*ret_meaning = ledger_term_infos[index].meaning;
	return ledger_term_infos[index].name;
}

/* "live" is what the report calls live: the resident part of it, so that terms stay one sum. */
static const struct { const char *name; enum ledger_term term; } short_names[] = {
	{ "live", LEDGER_T_live_requested_resident }, { "dirty", LEDGER_T_retained_dirty },
	{ "muzzy", LEDGER_T_retained_muzzy }, { "files", LEDGER_T_file_backed },
	{ "metadata", LEDGER_T_allocator_metadata },
};

static int term_of(const char *name)
{
	for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
		if (!strcmp(name, short_names[i].name))
			return short_names[i].term;
	return ledger_term_by_name(name);
}

static enum budget_unit unit_of_figure(const struct budget_figure *f)
{
	return f->special < 0 ? BUDGET_BYTES : specials[f->special].unit;
}

enum budget_unit budget_unit_of(const struct budget_limit *l)
{
	return l->is_ratio ? BUDGET_COUNT : unit_of_figure(&l->left);
}

/* ---- parsing ------------------------------------------------------------------------ */

static const char moment_names[][12] = { "peak.", "live_peak.", "exit." }; /* by enum report_moment */

static bool parse_figure(const char *name, struct budget_figure *ret_figure)
{
	struct budget_figure f = { -1, REPORT_AT_PEAK, LEDGER_T_rss };
	for (size_t i = 0; i < SPECIALS; i++)
		if (!strcmp(name, specials[i].name))
			f.special = (int)i;
	for (size_t i = 0; f.special < 0 && i < sizeof moment_names / sizeof *moment_names; i++)
		if (!strncmp(name, moment_names[i], strlen(moment_names[i]))) {
			name += strlen(moment_names[i]);
			f.moment = (enum report_moment)i;
			break;
		}
	int term = f.special < 0 ? term_of(name) : 0;
	if (term < 0)
		return false;
	f.term = (enum ledger_term)term;
	*ret_figure = f;
	return true;
}

static const struct { const char *name; enum budget_unit unit; double factor; } units[] = {
	{ "", BUDGET_COUNT, 1 }, { "B", BUDGET_BYTES, 1 },
	{ "KiB", BUDGET_BYTES, 1024 }, { "MiB", BUDGET_BYTES, 1048576 }, { "GiB", BUDGET_BYTES, 1073741824 },
	{ "K", BUDGET_BYTES, 1024 }, { "M", BUDGET_BYTES, 1048576 }, { "G", BUDGET_BYTES, 1073741824 },
	{ "kB", BUDGET_BYTES, 1e3 }, { "MB", BUDGET_BYTES, 1e6 }, { "GB", BUDGET_BYTES, 1e9 },
	{ "ns", BUDGET_NS, 1 }, { "us", BUDGET_NS, 1e3 }, { "ms", BUDGET_NS, 1e6 }, { "s", BUDGET_NS, 1e9 },
};

/* NULL, or what is wrong. */
static const char *parse_value(const char *text, struct budget_limit *l)
{
	char *end;
	l->is_relative = *text == '+' || *text == '-';
	if (!isdigit((unsigned char)text[l->is_relative]) && text[l->is_relative] != '.')
		return "the limit is not a number";
	errno = 0;
	l->value = strtod(text, &end);
	if (errno || end == text || !isfinite(l->value))
		return "the limit is not a number";
	if (!strcmp(end, "%")) {
		l->is_percent = true;
		return l->is_relative ? NULL : "a percentage needs its sign: +5% of the baseline";
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(end, units[i].name)) {
			l->value *= units[i].factor;
			if (!*end && budget_unit_of(l) != BUDGET_COUNT && l->value != 0)
				return "the limit needs a unit, such as 200MiB or 1.5s";
			return units[i].unit == budget_unit_of(l) || !*end ? NULL : "the limit's unit is of another kind";
		}
	return "the limit's unit is not known; bytes: B KiB MiB GiB kB MB GB, times: ns us ms s";
}

static const struct { const char *text; enum budget_op op; } ops[] = {
	{ "<=", BUDGET_LESS_EQUAL }, { ">=", BUDGET_MORE_EQUAL }, { "<", BUDGET_LESS }, { ">", BUDGET_MORE },
};

/* Splits "a/b<value" in place. */
static const char *parse_limit(char *text, struct budget_limit *l)
{
	size_t at = strcspn(text, "<>");
	if (!text[at])
		return "there is no < or > in it";
	size_t i = 0;
	while (strncmp(text + at, ops[i].text, strlen(ops[i].text)))
		i++;
	l->op = ops[i].op;
	const char *value = text + at + strlen(ops[i].text);
	text[at] = 0;
	char *slash = strchr(text, '/');
	l->is_ratio = slash != NULL;
	if (slash)
		*slash++ = 0;
	if (!parse_figure(text, &l->left) || (slash && !parse_figure(slash, &l->right)))
		return "no such figure; memwhy check --help lists them";
	if (slash && unit_of_figure(&l->left) != unit_of_figure(&l->right))
		return "the two figures are of different kinds";
	return parse_value(value, l);
}

/* The next limit without its spaces; false: it is too long. */
static bool copy_limit(const char *from, size_t length, char to[BUDGET_TEXT])
{
	size_t n = 0;
	for (size_t i = 0; i < length; i++)
		if (!isspace((unsigned char)from[i])) {
			if (n + 1 == BUDGET_TEXT)
				return false;
			to[n++] = from[i];
		}
	to[n] = 0;
	return true;
}

int budget_parse(const char *text, struct budget *ret_budget, char *ret_error, size_t error_size)
{
	struct budget b = { 0 };
	for (const char *at = text; ; ) {
		size_t length = strcspn(at, ",");
		struct budget_limit l = { 0 };
		char work[BUDGET_TEXT];
		const char *wrong = b.count == BUDGET_LIMITS_MAX ? "there are too many limits" :
				    !copy_limit(at, length, l.text) ? "it is too long" : NULL;
		if (!wrong && l.text[0]) {
			memcpy(work, l.text, sizeof work);
			wrong = parse_limit(work, &l);
		} else if (!wrong) {
			wrong = "a limit is empty";
		}
		if (wrong) {
			snprintf(ret_error, error_size, "\"%.*s\": %s", (int)(length < 80 ? length : 80), at, wrong);
			return -EINVAL;
		}
		b.limits[b.count++] = l;
		b.needs_baseline |= l.is_relative;
		if (!at[length])
			break;
		at += length + 1;
	}
	*ret_budget = b;
	return 0;
}

/* ---- judging ------------------------------------------------------------------------ */

static bool term_at(const struct report_model *m, const struct budget_figure *f, double *ret_value)
{
	const struct report_found *found = &m->moments[f->moment];
	if (f->term == LEDGER_T_rss)
		return resident_at(m, f->moment, ret_value);
	if (!found->had || !ledger_has(&found->snapshot.s.ledger, f->term))
		return false;
	*ret_value = (double)found->snapshot.s.ledger.bytes[f->term];
	return true;
}

static bool figure_value(const struct budget_figure *f, const struct report_model *m, double *ret_value)
{
	return f->special < 0 ? term_at(m, f, ret_value) : specials[f->special].get(m, ret_value);
}

/* NULL, or why it is unknown. */
static const char *left_value(const struct budget_limit *l, const struct report_model *m, double *ret_value)
{
	double below = 1;
	if (!figure_value(&l->left, m, ret_value) || (l->is_ratio && !figure_value(&l->right, m, &below)))
		return "the figure could not be had";
	if (below == 0)
		return "it is a ratio to nothing";
	*ret_value /= below;
	return NULL;
}

static bool holds(double value, enum budget_op op, double limit)
{
	switch (op) {
	case BUDGET_LESS: return value < limit;
	case BUDGET_LESS_EQUAL: return value <= limit;
	case BUDGET_MORE: return value > limit;
	default: return value >= limit;
	}
}

struct budget_verdict budget_judge(const struct budget_limit *l, const struct report_model *m,
				   const struct report_model *baseline)
{
	struct budget_verdict v = { .outcome = BUDGET_UNKNOWN, .limit = l->value };
	double base = 0;
	v.why_unknown = left_value(l, m, &v.value);
	if (!v.why_unknown && l->is_relative)
		v.why_unknown = baseline ? left_value(l, baseline, &base) ? "the baseline's figure could not be had" : NULL :
					   "there is no baseline";
	if (v.why_unknown)
		return v;
	if (l->is_relative)
		v.limit = l->is_percent ? base * (1 + l->value / 100) : base + l->value;
	v.outcome = holds(v.value, l->op, v.limit) ? BUDGET_KEPT : BUDGET_BROKEN;
	return v;
}
