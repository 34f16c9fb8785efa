/* SPDX-License-Identifier: MIT */
/* A verdict for scripts; see verdict_print.h. */
#include "verdict_print.h"

static void print_json_holder(struct json *j, const struct verdict_holder *h)
{
	json_begin_object(j, NULL);
	json_string(j, "function", h->function);
	json_integer(j, "bytes", h->bytes);
	json_known(j, "error_bytes", h->error_bytes);
	json_integer(j, "live_bytes", h->live_bytes);
	json_end_object(j);
}

static void print_json_finding(struct json *j, const struct verdict_finding *f)
{
	json_begin_object(j, NULL);
	json_string(j, "rule", f->rule);
	json_integer(j, "bytes", f->bytes);
	json_string(j, "moment", verdict_moment_name(f->moment));
	json_string(j, "confidence", verdict_confidence_name(f->confidence));
	json_string(j, "given_back_by", verdict_column_name(f->column));
	json_known(j, "saves_bytes", f->saves_bytes);
	json_string(j, "claim", f->claim);
	json_string(j, "advice", *f->advice ? f->advice : NULL);
	json_string(j, "price", *f->price ? f->price : NULL);
	json_begin_array(j, "evidence");
	for (unsigned i = 0; i < f->evidence_count; i++)
		json_string(j, NULL, f->evidence[i]);
	json_end_array(j);
	json_begin_array(j, "holders");
	for (unsigned i = 0; i < f->holder_count; i++)
		print_json_holder(j, &f->holders[i]);
	json_end_array(j);
	json_end_object(j);
}

static void print_json_columns(struct json *j, const char *key, const struct verdict_columns *c)
{
	if (!c->had) {
		json_null(j, key);
		return;
	}
	json_begin_object(j, key);
	json_integer(j, "now_bytes", c->now_bytes);
	json_integer(j, "setting_bytes", c->setting_bytes);
	json_integer(j, "program_bytes", c->program_bytes);
	json_integer(j, "nobody_bytes", c->nobody_bytes);
	json_bool(j, "now_measured", c->now_measured);
	json_end_object(j);
}

static void print_json_purge(struct json *j, const struct verdict *v)
{
	if (!v->has_purge) {
		json_null(j, "purge");
		return;
	}
	json_begin_object(j, "purge");
	json_known(j, "rss_before_bytes", v->purge_before_bytes);
	json_known(j, "rss_after_bytes", v->purge_after_bytes);
	json_known(j, "took_ns", v->purge_took_ns);
	json_end_object(j);
}

void verdict_print_json(struct json *j, const struct verdict *v)
{
	json_begin_array(j, "findings");
	for (size_t i = 0; i < v->finding_count; i++)
		print_json_finding(j, &v->findings[i]);
	json_end_array(j);
	json_begin_object(j, "columns");
	print_json_columns(j, "peak", &v->peak);
	print_json_columns(j, "exit", &v->exit);
	json_end_object(j);
	print_json_purge(j, v);
	json_known(j, "ideal_bytes", v->ideal_bytes);
	json_bool(j, "has_stacks", v->has_stacks);
}
