/* SPDX-License-Identifier: MIT */
/* The order of the runs, and when it is enough; see experiment.h. */
#include "experiment_private.h"
#include "compare_file.h"
#include "experiment_process.h"
#include "util/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct schedule {
	struct experiment x;
	uint64_t start_ns;
	uint64_t clean_ns, recorded_ns; /* what the last round's two parts took */
	unsigned rounds, recorded;      /* done */
};

/* ---- before the first run ------------------------------------------------------------------ */

static void take_facts(const struct launch_command *c, struct compare_row *row)
{
	int64_t bytes;
	if (compare_file_size(c->path, &bytes) == 0)
		compare_add(row, COMPARE_C_file, (double)bytes);
	if (compare_file_stripped_size(c->path, &bytes) == 0)
		compare_add(row, COMPARE_C_stripped, (double)bytes);
}

static int look_at_rows(struct experiment *x)
{
	int error = 0;
	for (size_t i = 0; i < x->compare->count && !error; i++) {
		struct compare_row *row = &x->compare->rows[i];
		int missing = launch_find(row->argv, &x->commands[i]);
		if (missing) {
			launch_explain(&x->commands[i], -missing, row->left_out, sizeof row->left_out);
			continue;
		}
		if (!x->options->shell)
			take_facts(&x->commands[i], row);
		if (row->has_allocator)
			error = experiment_judge_program(x, i);
	}
	return error;
}

static int run_prepare(void *arg)
{
	const struct experiment *x = arg;
	const struct compare_row nothing = { .settings = (char *[]){ NULL } };
	if (experiment_set_up(x, &nothing) == 0)
		execl("/bin/sh", "sh", "-c", x->options->prepare, (char *)NULL);
	return 127;
}

static int prepare(struct experiment *x, struct compare_row *row)
{
	struct experiment_end e;
	char why[160];
	if (!x->options->prepare)
		return 0;
	int error = experiment_process(run_prepare, x, x->options->timeout_ns, &e);
	if (error)
		return error;
	experiment_explain_end(x, &e, e.status, why, sizeof why);
	if (*why)
		snprintf(row->left_out, sizeof row->left_out, "--prepare: %s", why);
	return 0;
}

/* ---- progress --------------------------------------------------------------------------------- */

static uint64_t time_left_ns(const struct schedule *s)
{
	const struct experiment_options *o = s->x.options;
	unsigned rounds = o->rounds ? o->rounds : EXPERIMENT_ROUNDS_AUTO_MAX;
	uint64_t spent_ns = experiment_now_ns() - s->start_ns, left_ns = rounds > s->rounds ? (rounds - s->rounds) * s->clean_ns : 0;
	if (s->recorded < o->recorded)
		left_ns += (o->recorded - s->recorded) * s->recorded_ns;
	uint64_t budget_ns = o->budget_ns > spent_ns ? o->budget_ns - spent_ns : 0;
	return o->budget_ns && left_ns > budget_ns ? budget_ns : left_ns;
}

static void show_progress(const struct schedule *s, const char *kind, size_t row)
{
	char left[UNITS_SIZE];
	if (!s->x.options->progress)
		return;
	fprintf(stderr, "\r\033[K%s, round %u, row %zu of %zu", kind, s->rounds + 1, row + 1, s->x.compare->count);
	if (s->clean_ns)
		fprintf(stderr, ", %s left at most", units_duration((int64_t)time_left_ns(s), left));
	fflush(stderr);
}

/* ---- rounds ------------------------------------------------------------------------------------ */

enum part { PART_WARMUP, PART_CLEAN, PART_RECORDED };
static const char *const part_names[] = { "warm-up", "clean runs", "recorded runs" };

static int run_row(struct schedule *s, enum part part, size_t row)
{
	struct compare_row *r = &s->x.compare->rows[row];
	show_progress(s, part_names[part], row);
	int error = experiment_interrupted() ? -EINTR : prepare(&s->x, r);
	if (error || r->left_out[0])
		return error;
	return part == PART_RECORDED ? experiment_recorded_run(&s->x, row, s->recorded + 1)
				     : experiment_clean_run(&s->x, row, part == PART_WARMUP);
}

/* Each row once, another one first each time. */
static int run_part(struct schedule *s, enum part part, unsigned turn)
{
	size_t count = s->x.compare->count;
	int error = 0;
	for (size_t i = 0; i < count && !error; i++) {
		size_t row = (i + turn) % count;
		if (!s->x.compare->rows[row].left_out[0])
			error = run_row(s, part, row);
	}
	return error;
}

static int run_round(struct schedule *s)
{
	uint64_t start_ns = experiment_now_ns();
	int error = run_part(s, PART_CLEAN, s->rounds);
	s->clean_ns = experiment_now_ns() - start_ns;
	if (!error && s->recorded < s->x.options->recorded) {
		error = run_part(s, PART_RECORDED, s->rounds);
		s->recorded_ns = experiment_now_ns() - start_ns - s->clean_ns;
		s->recorded += !error;
	}
	s->rounds += !error;
	return error;
}

static bool is_precise_cell(const struct compare_cell *cell)
{
	struct statistics s;
	return cell->count && statistics_of(cell->values, cell->count, &s) == 0 && statistics_precision(&s) < EXPERIMENT_PRECISION;
}

static bool is_precise(const struct compare *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->rows[i].left_out[0] &&
		    (!is_precise_cell(&c->rows[i].cells[COMPARE_C_wall]) || !is_precise_cell(&c->rows[i].cells[COMPARE_C_peak_rss])))
			return false;
	return true;
}

/* Would another round go beyond the budget? The first one is made in any case. */
static bool is_out_of_time(const struct schedule *s)
{
	uint64_t next_ns = s->clean_ns + (s->recorded < s->x.options->recorded ? s->recorded_ns : 0);
	return s->x.options->budget_ns && s->rounds && experiment_now_ns() - s->start_ns + next_ns > s->x.options->budget_ns;
}

static bool is_enough(const struct schedule *s)
{
	const struct experiment_options *o = s->x.options;
	if (!compare_reference(s->x.compare) || (o->rounds && s->rounds >= o->rounds))
		return true;
	if (o->rounds || s->rounds < STATISTICS_RUNS_MIN || s->recorded < o->recorded)
		return false;
	return s->rounds >= EXPERIMENT_ROUNDS_AUTO_MAX || is_precise(s->x.compare);
}

static int run_schedule(struct schedule *s, bool *ret_out_of_time)
{
	int error = look_at_rows(&s->x);
	for (unsigned i = 0; i < s->x.options->warmup && !error; i++)
		error = run_part(s, PART_WARMUP, i);
	while (!error && !is_enough(s)) {
		if (is_out_of_time(s)) {
			*ret_out_of_time = true;
			break;
		}
		error = run_round(s);
	}
	return error;
}

int experiment_run(const struct experiment_options *options, struct compare *c, struct experiment_outcome *ret_outcome)
{
	struct schedule *s = calloc(1, sizeof *s);
	struct experiment_told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int error = s && told != MAP_FAILED ? 0 : -ENOMEM;
	if (!error) {
		bool out_of_time = false;
		s->x.options = options, s->x.compare = c, s->x.told = told;
		experiment_signals_begin();
		s->start_ns = experiment_now_ns();
		error = run_schedule(s, &out_of_time);
		int by = experiment_signals_finish();
		if (options->progress)
			fputs("\r\033[K", stderr);
		*ret_outcome = (struct experiment_outcome){ s->rounds, by, out_of_time };
	}
	if (told != MAP_FAILED)
		munmap(told, sizeof *told);
	free(s);
	return error == -EINTR ? 0 : error;
}
