/* SPDX-License-Identifier: MIT */
/* The two forms of `memwhy why`: the model, the verdict, the allocators' own figures, and their
 * printers. */
#include "report.h"

#include "report_processes.h"
#include "report_reconcile.h"
#include "util/terminal.h"
#include "verdict_print.h"

#define SCHEMA_VERSION 1

struct judged {
	struct report_model model;
	struct verdict verdict;
	struct report_reconciliation reconciliation;
};

static int judge(struct judged *d, struct recording *r, const struct report_options *options)
{
	int result = report_model_init(&d->model, r, options);
	if (result)
		return result;
	result = report_reconcile(&d->model, options->at, &d->reconciliation);
	if (!result)
		result = verdict_make(r, &d->model, &d->verdict);
	if (result)
		report_model_finish(&d->model);
	return result;
}

static void finish(struct judged *d)
{
	verdict_finish(&d->verdict);
	report_model_finish(&d->model);
}

int report_print_why(struct recording *r, const struct report_options *o, FILE *out)
{
	struct judged d;
	int result = judge(&d, r, o);
	if (result)
		return result;
	struct report_page g = { .m = &d.model, .at = o->at, .style = report_style_of(o, out) };
	report_print_header(&g);
	verdict_print_text(&g.style, &d.model, &d.verdict, o->at);
	if (g.style.verbose)
		report_print_reconciliation(&g.style, &d.reconciliation);
	finish(&d);
	return 0;
}

static void print_process(struct json *j, const struct recording_process *p)
{
	json_begin_object(j, "process");
	json_integer(j, "id", p->id);
	json_integer(j, "pid", p->pid);
	json_string(j, "command", p->command);
	json_string(j, "exe", p->exe);
	json_string(j, "allocator", report_allocator(p));
	json_end_object(j);
}

int report_print_why_json(struct recording *r, const struct report_options *o, FILE *out)
{
	struct judged d;
	struct json j;
	int result = judge(&d, r, o);
	if (result)
		return result;
	json_init(&j, out);
	json_begin_object(&j, NULL);
	json_string(&j, "schema", "memwhy-why");
	json_integer(&j, "schema_version", SCHEMA_VERSION);
	json_string(&j, "memwhy_version", d.model.run->memwhy_version);
	json_string(&j, "recording", recording_file(r));
	print_process(&j, d.model.process);
	verdict_print_json(&j, &d.verdict);
	report_print_reconciliation_json(&j, &d.reconciliation);
	json_end_object(&j);
	finish(&d);
	return 0;
}
