/* SPDX-License-Identifier: MIT */
/*
 * A run under the probe, by a child that does what memwhy run does, keeps the recording and
 * reads its figures from it: see experiment.h. All of memwhy's weight is the child's, so that
 * clean runs are forked from a small process.
 */
#include "experiment_private.h"
#include "experiment_process.h"
#include "plans.h"
#include "probe_state.h"
#include "recording_allocator.h"
#include "recording_path.h"
#include "report_model.h"
#include "run.h"
#include "run_plans.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct task {
	struct experiment *x;
	size_t row;
	unsigned number;          /* of the run, from 1 */
	struct store *store;
};

static int wrong(struct experiment_told *told, const char *what, const char *why)
{
	snprintf(told->wrong, sizeof told->wrong, "%.200s: %.100s", what, why);
	return 1;
}

/* ---- figures from a recording ----------------------------------------------------------- */

static double term(const struct report_found *at, enum ledger_term t)
{
	const struct ledger *l = &at->snapshot.s.ledger;
	return at->had && ledger_has(l, t) ? (double)l->bytes[t] : NAN;
}

static double resident(const struct report_found *at)
{
	int64_t bytes;
	return at->had && report_resident(&at->snapshot.s.ledger, &bytes) ? (double)bytes : NAN;
}

static int take_purge(void *arg, const struct recording_purge *p)
{
	if (!strcmp(p->reason, "exit") && p->rss_before_bytes >= 0 && p->rss_after_bytes >= 0)
		*(double *)arg = (double)(p->rss_before_bytes - p->rss_after_bytes);
	return 0;
}

static void name_allocator(const struct recording_process *p, char *ret, size_t size)
{
	const char *name = report_allocator(p);
	*ret = 0;
	for (size_t i = 0; name && i < p->heap_count; i++)
		if (!strcmp(p->heaps[i].name, name)) {
			const char *version = p->heaps[i].version;
			/* without the commit that jemalloc adds */
			snprintf(ret, size, "%s%s%.*s", name, *version ? " " : "", (int)strcspn(version, "-"), version);
			return;
		}
}

static void take_figures(const struct report_model *m, struct experiment_told *told)
{
	const struct report_found *peak = &m->moments[REPORT_AT_PEAK];
	double *v = told->values, live = term(peak, LEDGER_T_live_requested_resident);
	v[COMPARE_C_live] = live;
	v[COMPARE_C_rss_over_live] = live > 0 ? resident(peak) / live : NAN;
	v[COMPARE_C_dirty] = term(peak, LEDGER_T_retained_dirty);
	v[COMPARE_C_fragmentation] = term(peak, LEDGER_T_fragmentation);
	v[COMPARE_C_rounding] = term(peak, LEDGER_T_rounding);
	v[COMPARE_C_huge_pages] = term(peak, LEDGER_T_anon_huge_pages);
	v[COMPARE_C_allocations] = m->counters ? (double)m->counters->allocations : NAN;
	v[COMPARE_C_exit_rss] = resident(&m->moments[REPORT_AT_EXIT]);
	recording_each_purge(m->recording, m->process->id, take_purge, &v[COMPARE_C_purgeable]);
	name_allocator(m->process, told->allocator, sizeof told->allocator);
}

static int read_figures(struct experiment_told *told)
{
	const struct report_options options = REPORT_OPTIONS_DEFAULT;
	struct recording *r;
	struct report_model m;
	char error[512];
	for (int i = 0; i < COMPARE_COLUMNS; i++)
		told->values[i] = NAN;
	if (recording_open(told->recording, &r, error, sizeof error) != 0)
		return wrong(told, "its recording cannot be read", error);
	int result = report_model_init(&m, r, &options);
	if (result)
		wrong(told, "its recording cannot be read", report_error_text(r, result));
	else
		take_figures(&m, told);
	report_model_finish(&m);
	recording_close(r);
	told->is_recorded = !result;
	return result != 0;
}

/* ---- the child ---------------------------------------------------------------------------- */

static int open_recording(struct task *t)
{
	struct experiment_told *told = t->x->told;
	const char *keep = t->x->options->keep;
	int error = 0;
	if (keep)
		snprintf(told->recording, sizeof told->recording, "%s/row%zu-run%u" RECORDING_SUFFIX, keep, t->row + 1, t->number);
	else
		error = recording_path_default(t->x->commands[t->row].argv[0], told->recording, sizeof told->recording);
	if (!error)
		error = store_create(told->recording, false, &t->store);
	if (error)
		return wrong(told, error == -EEXIST ? told->recording : "cannot write its recording",
			     error == -EEXIST ? "exists; name another folder with --keep" : strerror(-error));
	if (!keep)
		recording_path_rotate();
	recording_path_remember(told->recording);
	return 0;
}

/* A run_options.recorded. */
static void close_recording(void *arg, const struct run_result *result)
{
	struct task *t = arg;
	char error[256] = "";
	t->x->told->wait_status = result->wait_status;
	if (store_close(t->store, error, sizeof error) != 0)
		wrong(t->x->told, "its recording is not complete", error);
	t->store = NULL;
}

static int record(struct task *t, struct run_options *o)
{
	struct experiment_told *told = t->x->told;
	struct run_result result;
	if (o->probe_path)
		run_plans_create(IDENTIFY_ALL, o->probe_path, true, &o->plans);
	int error = run_target(o, t->store, &result);
	run_plans_destroy(o->plans);
	if (error)
		return wrong(told, "cannot follow a program here", strerror(-error));
	if (result.launch_errno)
		return wrong(told, "cannot be run", strerror(result.launch_errno));
	return told->wrong[0] ? 1 : read_figures(told);
}

static int record_row(void *arg)
{
	struct task *t = arg;
	char probe[PATH_MAX + 64];
	struct run_options o = {
		.command = &t->x->commands[t->row], .follow = true, .hold = RUN_HOLD_SOFT,
		.stacks = { RUN_STACKS_DEFAULT, RUN_STACKS_MEAN_BYTES }, .purge_at_exit = true,
		.options_line = "memwhy compare", .recorded = close_recording, .recorded_arg = t,
	};
	int error = experiment_set_up(t->x, &t->x->compare->rows[t->row]);
	if (error)
		return wrong(t->x->told, "cannot be run", strerror(-error));
	launch_begin();
	o.why_no_probe = exec_kind_clause(&o.command->kind);
	if (!*o.why_no_probe && launch_find_probe(probe, sizeof probe) != 0)
		return wrong(t->x->told, probe, "the probe is missing, or its path has a blank or a colon; name it in MEMWHY_PROBE_LIB");
	o.probe_path = *o.why_no_probe ? NULL : probe;
	return open_recording(t) || record(t, &o);
}

static int keep_values(const struct experiment_told *told, struct compare_row *row)
{
	int error = compare_add_recording(row, told->recording);
	for (int i = 0; i < COMPARE_COLUMNS && !error; i++)
		if (compare_column_infos[i].kind == COMPARE_RECORDED)
			error = compare_add(row, (enum compare_column)i, told->values[i]);
	if (told->allocator[0])
		snprintf(row->allocator, sizeof row->allocator, "%s", told->allocator);
	return error;
}

int experiment_recorded_run(struct experiment *x, size_t row, unsigned number)
{
	struct task t = { .x = x, .row = row, .number = number };
	struct experiment_end e;
	struct compare_row *r = &x->compare->rows[row];
	char why[160];
	memset(x->told, 0, sizeof *x->told);
	int error = experiment_process(record_row, &t, x->options->timeout_ns, &e);
	if (error)
		return error;
	/* the child's own death is memwhy's fault, its timeout the program's */
	experiment_explain_end(x, &e, x->told->wait_status, why, sizeof why);
	if (x->told->wrong[0])
		snprintf(r->left_out, sizeof r->left_out, "%s", x->told->wrong);
	else if (*why && (e.timed_out || !x->options->ignore_failure))
		snprintf(r->left_out, sizeof r->left_out, "%s, recorded%s", why, x->told->is_recorded ? "" : " in part");
	else if (!x->told->is_recorded)
		snprintf(r->left_out, sizeof r->left_out, "memwhy failed while it recorded");
	else
		error = keep_values(x->told, r);
	return error;
}

/* ---- is its allocator exchangeable? --------------------------------------------------------- */

static void name_linked(const struct plans_answer *a, char *ret, size_t size)
{
	const char *name = a->own;
	for (uint32_t i = 0; a->plan && i < a->plan->entry_count; i++)
		if (a->plan->entries[i].patch_bytes)
			name = probe_state_family_name(a->plan->entries[i].family);
	if (name)
		snprintf(ret, size, "its allocator is linked in (%s), a preload does not replace it", name);
}

static int look_at_program(void *arg)
{
	struct task *t = arg;
	const char *path = t->x->commands[t->row].path;
	struct plans_options o = { .mode = IDENTIFY_ALL };
	struct plans *plans;
	char probe[PATH_MAX + 64];
	launch_begin();
	if (launch_find_probe(probe, sizeof probe) == 0)
		o.probe_path = probe;
	if (plans_create(&o, &plans) != 0)
		return 1;
	const struct plans_answer *a = plans_for(plans, path, path);
	if (a)
		name_linked(a, t->x->told->wrong, sizeof t->x->told->wrong);
	plans_destroy(plans);
	return 0;
}

int experiment_judge_program(struct experiment *x, size_t row)
{
	struct task t = { .x = x, .row = row };
	struct experiment_end e;
	struct compare_row *r = &x->compare->rows[row];
	const struct exec_kind *k = &x->commands[row].kind;
	if (!exec_kind_takes_preload(k)) {
		snprintf(r->left_out, sizeof r->left_out, "its allocator cannot be exchanged: %s", exec_kind_clause(k));
		return 0;
	}
	memset(x->told, 0, sizeof *x->told);
	int error = k->scripts || x->options->shell ? 0 : experiment_process(look_at_program, &t, 0, &e);
	if (!error)
		snprintf(r->left_out, sizeof r->left_out, "%s", x->told->wrong);
	return error;
}
