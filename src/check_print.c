/* SPDX-License-Identifier: MIT */
/* See check_print.h. */
#include "check_print.h"
#include "util/json.h"
#include "util/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURE_SIZE 48

size_t check_broken(const struct check_result *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->budget->count; i++)
		n += c->verdicts[i].outcome != BUDGET_KEPT;
	return n;
}

static const char *figure_text(const struct budget_limit *l, double value, char ret[static FIGURE_SIZE])
{
	char text[UNITS_SIZE];
	if (l->is_ratio)
		snprintf(ret, FIGURE_SIZE, "%.3g", value);
	else if (budget_unit_of(l) == BUDGET_BYTES)
		snprintf(ret, FIGURE_SIZE, "%s", units_bytes((int64_t)value, text));
	else if (budget_unit_of(l) == BUDGET_NS)
		snprintf(ret, FIGURE_SIZE, "%s", units_duration((int64_t)value, text));
	else
		snprintf(ret, FIGURE_SIZE, "%s%s", value < 0 ? "-" : "", units_count((uint64_t)(value < 0 ? -value : value), text));
	return ret;
}

/* "82.1 MiB, the limit is 80.0 MiB (+5% of the baseline)" */
static void print_finding(const struct check_result *c, size_t i, FILE *out)
{
	const struct budget_limit *l = &c->budget->limits[i];
	const struct budget_verdict *v = &c->verdicts[i];
	char value[FIGURE_SIZE], limit[FIGURE_SIZE];
	if (v->outcome == BUDGET_UNKNOWN)
		fprintf(out, "not known: %s", v->why_unknown);
	else
		fprintf(out, "%s, the limit is %s%s", figure_text(l, v->value, value), figure_text(l, v->limit, limit),
			l->is_relative ? " by the baseline" : "");
}

static void print_text(const struct check_result *c, FILE *out)
{
	static const char *const words[] = { [BUDGET_KEPT] = "ok", [BUDGET_BROKEN] = "BROKEN", [BUDGET_UNKNOWN] = "UNKNOWN" };
	for (size_t i = 0; i < c->budget->count; i++) {
		fprintf(out, "%-8s %-28s ", words[c->verdicts[i].outcome], c->budget->limits[i].text);
		print_finding(c, i, out);
		fputc('\n', out);
	}
	if (report_trust(c->model) == REPORT_LIVE_UNRELIABLE)
		fputs("live figures of this recording are unreliable; memwhy report says why\n", out);
}

static void print_json(const struct check_result *c, FILE *out)
{
	static const char *const words[] = { [BUDGET_KEPT] = "kept", [BUDGET_BROKEN] = "broken", [BUDGET_UNKNOWN] = "unknown" };
	static const char *const unit_names[] = { [BUDGET_BYTES] = "bytes", [BUDGET_NS] = "ns", [BUDGET_COUNT] = "count" };
	struct json j;
	json_init(&j, out);
	json_begin_object(&j, NULL);
	json_integer(&j, "schema_version", 1);
	json_string(&j, "recording", c->path);
	json_string(&j, "baseline", c->baseline_path);
	json_string(&j, "live", report_trust_name(report_trust(c->model)));
	json_bool(&j, "kept", check_broken(c) == 0);
	json_begin_array(&j, "limits");
	for (size_t i = 0; i < c->budget->count; i++) {
		const struct budget_limit *l = &c->budget->limits[i];
		const struct budget_verdict *v = &c->verdicts[i];
		bool had = v->outcome != BUDGET_UNKNOWN;
		json_begin_object(&j, NULL);
		json_string(&j, "limit", l->text);
		json_string(&j, "outcome", words[v->outcome]);
		json_string(&j, "unit", l->is_ratio ? "ratio" : unit_names[budget_unit_of(l)]);
		json_real(&j, "value", had ? v->value : NAN);
		json_real(&j, "bound", had ? v->limit : NAN);
		json_string(&j, "why", v->why_unknown);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
}

/* The text of a finding, escaped by fn. */
static void print_escaped(const struct check_result *c, size_t i, FILE *out, void (*put)(FILE *out, char ch))
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return;
	fprintf(f, "%s: ", c->budget->limits[i].text);
	print_finding(c, i, f);
	if (fclose(f) == 0)
		for (const char *p = text; *p; p++)
			put(out, *p);
	free(text);
}

static void put_xml(FILE *out, char ch)
{
	switch (ch) {
	case '<': fputs("&lt;", out); break;
	case '>': fputs("&gt;", out); break;
	case '&': fputs("&amp;", out); break;
	case '"': fputs("&quot;", out); break;
	default: fputc((unsigned char)ch < ' ' ? ' ' : ch, out);
	}
}

static void put_xml_text(FILE *out, const char *text)
{
	for (; *text; text++)
		put_xml(out, *text);
}

static void print_junit(const struct check_result *c, FILE *out)
{
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"memwhy check\" tests=\"%zu\" failures=\"%zu\">\n",
		c->budget->count, check_broken(c));
	for (size_t i = 0; i < c->budget->count; i++) {
		fputs("  <testcase classname=\"memwhy\" name=\"", out);
		put_xml_text(out, c->budget->limits[i].text);
		if (c->verdicts[i].outcome == BUDGET_KEPT) {
			fputs("\"/>\n", out);
			continue;
		}
		fputs("\"><failure message=\"", out);
		print_escaped(c, i, out, put_xml);
		fputs("\"/></testcase>\n", out);
	}
	fputs("</testsuite>\n", out);
}

/* As GitHub's workflow commands want it. */
static void put_annotation(FILE *out, char ch)
{
	if (ch == '%')
		fputs("%25", out);
	else
		fputc((unsigned char)ch < ' ' ? ' ' : ch, out);
}

static void print_github(const struct check_result *c, FILE *out)
{
	for (size_t i = 0; i < c->budget->count; i++) {
		fprintf(out, "::%s title=memwhy::", c->verdicts[i].outcome == BUDGET_KEPT ? "notice" : "error");
		print_escaped(c, i, out, put_annotation);
		fputc('\n', out);
	}
}

static const struct { const char *name; check_print_fn *print; } formats[] = {
	{ "text", print_text }, { "json", print_json }, { "junit", print_junit }, { "github", print_github },
};

check_print_fn *check_format_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!strcmp(name, formats[i].name))
			return formats[i].print;
	return NULL;
}
