/* SPDX-License-Identifier: MIT */
/* The two forms of `memwhy why`: the model, the verdict, and its printers. */
#include "report.h"

#include "report_processes.h"
#include "util/terminal.h"
#include "verdict_print.h"

#define SCHEMA_VERSION 1

static int judge(struct report_model *m, struct recording *r, const struct report_options *options, struct verdict *v)
{
	int result = report_model_init(m, r, options);
	if (result)
		return result;
	result = verdict_make(r, m, v);
	if (result)
		report_model_finish(m);
	return result;
}

int report_print_why(struct recording *r, const struct report_options *o, FILE *out)
{
	struct report_model m;
	struct verdict v;
	int result = judge(&m, r, o, &v);
	if (result)
		return result;
	struct report_page g = { .m = &m, .at = o->at, .style = report_style_of(o, out) };
	report_print_header(&g);
	verdict_print_text(&g.style, &m, &v, o->at);
	verdict_finish(&v);
	report_model_finish(&m);
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
	struct report_model m;
	struct verdict v;
	struct json j;
	int result = judge(&m, r, o, &v);
	if (result)
		return result;
	json_init(&j, out);
	json_begin_object(&j, NULL);
	json_string(&j, "schema", "memwhy-why");
	json_integer(&j, "schema_version", SCHEMA_VERSION);
	json_string(&j, "memwhy_version", m.run->memwhy_version);
	json_string(&j, "recording", recording_file(r));
	print_process(&j, m.process);
	verdict_print_json(&j, &v);
	json_end_object(&j);
	verdict_finish(&v);
	report_model_finish(&m);
	return 0;
}
