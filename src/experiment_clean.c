/* SPDX-License-Identifier: MIT */
/* A run with nothing of memwhy in it: fork, exec, wait4. See experiment.h. */
#include "experiment_private.h"
#include "experiment_process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	if (dup2(fd, to) < 0)
		return -errno;
	return 0;
}

static int set_streams(const char *output)
{
	int error = redirect("/dev/null", O_RDONLY, 0);
	if (error || !strcmp(output, "inherit"))
		return error;
	error = !strcmp(output, "null") ? redirect("/dev/null", O_WRONLY, 1) : redirect(output, O_WRONLY | O_CREAT | O_TRUNC, 1);
	return error ? error : redirect("/dev/null", O_WRONLY, 2);
}

static int set_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *value;
	if (asprintf(&value, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0)
		return -ENOMEM;
	int error = setenv("LD_PRELOAD", value, 1) == 0 ? 0 : -errno;
	free(value);
	return error;
}

int experiment_set_up(const struct experiment *x, const struct compare_row *row)
{
	int error = set_streams(x->options->output);
	for (size_t i = 0; row->settings[i] && !error; i++)
		error = putenv(row->settings[i]) == 0 ? 0 : -ENOMEM;
	return !error && row->preload ? set_preload(row->preload) : error;
}

struct task { struct experiment *x; size_t row; };

static int exec_row(void *arg)
{
	struct task *t = arg;
	struct experiment_told *told = t->x->told;
	const struct launch_command *c = &t->x->commands[t->row];
	int error = experiment_set_up(t->x, &t->x->compare->rows[t->row]);
	if (!error) {
		getrusage(RUSAGE_SELF, &told->before);
		told->start_ns = experiment_now_ns();
		execvp(c->path, c->argv); /* not execv: a text without "#!" is for /bin/sh */
		error = -errno;
	}
	told->exec_errno = -error;
	return 127;
}

void experiment_explain_end(const struct experiment *x, const struct experiment_end *e, int wait_status, char *ret, size_t size)
{
	*ret = 0;
	if (e->timed_out)
		snprintf(ret, size, "still running after %.3g s (--timeout)", (double)x->options->timeout_ns / 1e9);
	else if (WIFSIGNALED(wait_status))
		snprintf(ret, size, "killed by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	else if (WEXITSTATUS(wait_status))
		snprintf(ret, size, "exit status %d", WEXITSTATUS(wait_status));
}

static double timeval_ns(struct timeval t)
{
	return (double)t.tv_sec * 1e9 + (double)t.tv_usec * 1e3;
}

static double cpu_ns(const struct rusage *used)
{
	return timeval_ns(used->ru_utime) + timeval_ns(used->ru_stime);
}

static double faults_of(const struct rusage *used)
{
	return (double)(used->ru_minflt + used->ru_majflt);
}

/* An exec does not reset the peak: one that is not above the fork's own is not the program's. */
static double peak_of(const struct rusage *used, const struct rusage *before)
{
	return used->ru_maxrss > before->ru_maxrss ? (double)used->ru_maxrss * 1024 : NAN;
}

static int keep_values(const struct experiment_told *told, const struct experiment_end *e, struct compare_row *row)
{
	double faults = faults_of(&e->used) - faults_of(&told->before), peak = peak_of(&e->used, &told->before);
	const struct { enum compare_column column; double value; } all[] = {
		{ COMPARE_C_wall, (double)(e->end_ns - told->start_ns) },
		{ COMPARE_C_cpu, cpu_ns(&e->used) - cpu_ns(&told->before) },
		{ COMPARE_C_peak_rss, peak }, { COMPARE_C_faults, faults },
		{ COMPARE_C_rss_per_fault, faults > 0 ? peak / faults : NAN },
	};
	int error = 0;
	for (size_t i = 0; i < sizeof all / sizeof *all && !error; i++)
		error = compare_add(row, all[i].column, all[i].value);
	return error;
}

int experiment_clean_run(struct experiment *x, size_t row, bool is_warmup)
{
	struct task t = { x, row };
	struct experiment_end e;
	struct compare_row *r = &x->compare->rows[row];
	char why[160];
	memset(x->told, 0, sizeof *x->told);
	int error = experiment_process(exec_row, &t, x->options->timeout_ns, &e);
	if (error)
		return error;
	experiment_explain_end(x, &e, e.status, why, sizeof why);
	if (x->told->exec_errno)
		snprintf(r->left_out, sizeof r->left_out, "cannot be run: %s", strerror(x->told->exec_errno));
	else if (*why && (e.timed_out || !x->options->ignore_failure))
		snprintf(r->left_out, sizeof r->left_out, "%s%s", why, e.timed_out ? "" : "; --ignore-failure measures it all the same");
	else if (!is_warmup)
		error = keep_values(x->told, &e, r);
	r->ignored_failures += *why && !r->left_out[0] && !is_warmup;
	return error;
}
