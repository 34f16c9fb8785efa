/* SPDX-License-Identifier: MIT */
/*
 * The report for scripts (data/memwhy-report.schema.json): bytes and nanoseconds as
 * integers, null for what could not be had. A key that goes or changes its meaning is a
 * new SCHEMA_VERSION; a new key is not.
 */
#include "report.h"

#include "report_model.h"
#include "report_why.h"
#include "util/json.h"
#include "verdict_print.h"

#include <errno.h>
#include <stdlib.h>

#define SCHEMA_VERSION 1

static void print_run(struct json *j, const struct recording_run *run)
{
	json_begin_object(j, "run");
	json_string(j, "command", run->command);
	json_string(j, "cwd", run->cwd);
	json_string(j, "options", run->options);
	json_integer(j, "start_realtime_ns", run->start_realtime_ns);
	json_bool(j, "ended", run->ended);
	json_integer(j, "wall_ns", run->end_ns);
	json_integer_or_null(j, "wait_status", run->wait_status, run->ended && run->wait_status != RECORDING_UNKNOWN);
	json_known(j, "tree_peak_rss_bytes", run->tree_peak_rss_bytes);
	json_known(j, "tree_peak_ns", run->tree_peak_ns);
	json_integer(j, "samples_dropped", run->samples_dropped);
	json_integer(j, "snapshots_dropped", run->snapshots_dropped);
	json_integer(j, "events_dropped", run->events_dropped);
	json_end_object(j);
}

static void print_counters(struct json *j, const struct counters *c)
{
	if (!c) {
		json_null(j, "counters");
		return;
	}
	json_begin_object(j, "counters");
#define COUNTER(field, min, max) json_integer(j, #field, (int64_t)c->field);
#include "counters.def"
#undef COUNTER
	json_end_object(j);
}

static void print_heaps(struct json *j, const struct recording_process *p)
{
	json_begin_array(j, "allocators");
	for (size_t i = 0; i < p->heap_count; i++) {
		json_begin_object(j, NULL);
		json_string(j, "name", p->heaps[i].name);
		json_string(j, "version", p->heaps[i].version);
		json_string(j, "path", p->heaps[i].path);
		json_string(j, "found", p->heaps[i].found);
		json_end_object(j);
	}
	json_end_array(j);
}

static void print_process(struct json *j, const char *key, const struct recording_process *p)
{
	json_begin_object(j, key);
	json_integer(j, "id", p->id);
	json_integer(j, "parent_id", p->parent_id);
	json_integer(j, "pid", p->pid);
	json_string(j, "command", p->command);
	json_string(j, "exe", p->exe);
	json_integer(j, "start_ns", p->start_ns);
	json_known(j, "end_ns", p->end_ns);
	json_string(j, "end", recording_end_name(p->how));
	json_integer_or_null(j, "exit_status", p->status, p->how == STORE_END_EXIT);
	json_integer_or_null(j, "signal", p->status, p->how == STORE_END_SIGNAL);
	json_bool(j, "probe_on", p->probe_on);
	json_string(j, "probe_state", p->probe_state);
	print_heaps(j, p);
	json_known(j, "rss_peak_bytes", p->rss_peak_bytes);
	json_known(j, "net_peak_bytes", p->net_peak_bytes);
	json_known(j, "vm_hwm_bytes", p->vm_hwm_bytes);
	json_known(j, "ru_maxrss_bytes", p->ru_maxrss_bytes);
	json_known(j, "user_ns", p->user_ns);
	json_known(j, "system_ns", p->system_ns);
	json_known(j, "minor_faults", p->minor_faults);
	json_known(j, "major_faults", p->major_faults);
	json_integer(j, "snapshots", p->snapshot_count);
	print_counters(j, p->has_counters ? &p->counters : NULL);
	json_end_object(j);
}

static void print_snapshot(struct json *j, const char *key, const struct report_found *found)
{
	if (!found->had) {
		json_null(j, key);
		return;
	}
	const struct snapshot *s = &found->snapshot.s;
	int64_t resident = 0;
	bool had = report_resident(&s->ledger, &resident);
	json_begin_object(j, key);
	json_integer(j, "time_ns", (int64_t)s->time_ns);
	json_integer(j, "duration_ns", (int64_t)s->duration_ns);
	json_string(j, "trigger", snapshot_trigger_name(s->trigger));
	json_string(j, "hold", snapshot_hold_name(s->hold));
	json_string(j, "pages", page_source_name(s->pages));
	json_integer_or_null(j, "resident_net_bytes", resident, had);
	json_known(j, "vm_hwm_bytes", s->vm_hwm_bytes);
	json_begin_object(j, "ledger");
#define TERM(name, kind, label, ret, meaning) \
	json_integer_or_null(j, #name "_bytes", s->ledger.bytes[LEDGER_T_##name], ledger_has(&s->ledger, LEDGER_T_##name));
#include "ledger_terms.def"
#undef TERM
	json_end_object(j);
	print_counters(j, found->snapshot.has_counters ? &s->counters : NULL);
	json_end_object(j);
}

static void print_terms(struct json *j)
{
	static const char *const kinds[] = { "total", "sum", "live", "beside" };
	static const char *const returns[] = { NULL, "now", "setting", "program" };
	json_begin_array(j, "terms");
	for (int t = 0; t < LEDGER_TERMS; t++) {
		const struct ledger_term_info *info = &ledger_term_infos[t];
		json_begin_object(j, NULL);
		json_string(j, "name", info->name);
		json_string(j, "label", info->label);
		json_string(j, "kind", kinds[info->kind]);
		json_string(j, "given_back_by", returns[info->gives_back]);
		json_string(j, "meaning", info->meaning);
		json_end_object(j);
	}
	json_end_array(j);
}

static void print_live(struct json *j, const struct report_model *m)
{
	enum report_trust trust = report_trust(m);
	const char *state = m->process->probe_state;
	json_begin_object(j, "live");
	json_string(j, "trust", report_trust_name(trust));
	json_string(j, "reason", trust != REPORT_LIVE_UNKNOWN ? NULL : m->process->probe_on ?
		    "no allocation was seen" : *state ? state : "no probe");
	json_known(j, "peak_bytes", m->live_peak_bytes);
	json_integer_or_null(j, "peak_ns", m->live_peak_ns, m->live_peak_ns > 0);
	json_end_object(j);
}

static void print_why(struct json *j, const struct report_model *m, enum report_moment at)
{
	char *why = report_why(m, at);
	json_string(j, "why", why && *why ? why : NULL);
	free(why);
}

static void print_document(struct json *j, const struct report_model *m, const struct verdict *v,
			   enum report_moment at)
{
	json_begin_object(j, NULL);
	json_string(j, "schema", "memwhy-report");
	json_integer(j, "schema_version", SCHEMA_VERSION);
	json_string(j, "memwhy_version", m->run->memwhy_version);
	json_string(j, "recording", recording_file(m->recording));
	print_run(j, m->run);
	print_process(j, "process", m->process);
	print_live(j, m);
	json_string(j, "at", report_moment_name(at));
	json_begin_object(j, "moments");
	for (int i = 0; i < REPORT_MOMENTS; i++)
		print_snapshot(j, report_moment_name(i), &m->moments[i]);
	json_end_object(j);
	print_why(j, m, at);
	verdict_print_json(j, v);
	json_begin_array(j, "other_processes");
	for (size_t i = 0; i < m->other_count; i++)
		print_process(j, NULL, m->others[i]);
	json_end_array(j);
	print_terms(j);
	json_end_object(j);
}

int report_print_json(struct recording *r, const struct report_options *options, FILE *out)
{
	struct report_model m;
	struct verdict v;
	struct json j;
	int result = report_model_init(&m, r, options);
	if (result)
		return result;
	result = verdict_make(r, &m, &v);
	if (!result) {
		json_init(&j, out);
		print_document(&j, &m, &v, options->at);
		verdict_finish(&v);
	}
	report_model_finish(&m);
	return result;
}
