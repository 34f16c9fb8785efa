/* SPDX-License-Identifier: MIT */
/*
 * memwhy run: options, then in this order, so that nothing is started in vain: the
 * command is found, the probe, the recording and the CSV file are opened, the target
 * runs, and when it has ended the summary comes and memwhy ends as the target did.
 */
#include "command.h"
#include "export/export.h"
#include "launch.h"
#include "recording_path.h"
#include "recording_symbols.h"
#include "report.h"
#include "run_arguments.h"
#include "run_plans.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is open while the target runs. */
struct run_files {
	char recording[PATH_MAX];
	char temporary[64]; /* its folder, when the recording is not to be kept */
	struct store *store;
	FILE *csv;
};

/* ---- files ---------------------------------------------------------------------------- */

static int explain_recording(const char *path, int error)
{
	if (error == -EEXIST)
		return run_complain(EXIT_MEMWHY, "%s exists; --force overwrites it, or choose another with -o", path);
	return run_complain(EXIT_MEMWHY, "cannot write the recording %s: %s; choose another place with -o FILE", path, strerror(-error));
}

static int open_chosen(const struct run_arguments *a, struct run_files *f)
{
	int error = recording_path_expand(a->output, a->command[0], f->recording, sizeof f->recording);
	if (error == -EINVAL)
		return run_complain(EXIT_USAGE, "-o %s: only %%p, %%n and %%%% mean something after a percent sign", a->output);
	if (error)
		return run_complain(EXIT_MEMWHY, "-o %s: %s", a->output, strerror(-error));
	error = store_create(f->recording, a->force, &f->store);
	return error ? explain_recording(f->recording, error) : -1;
}

/* No place of one's own to write to shall not stop a person from seeing the summary. */
static int open_temporary(struct run_files *f, int why)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(f->temporary, sizeof f->temporary, "%s/memwhy-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (n >= (int)sizeof f->temporary || !mkdtemp(f->temporary)) {
		f->temporary[0] = 0;
		return run_complain(EXIT_MEMWHY, "cannot write a recording to the default folder (%s) nor a temporary one (%s); choose a place with -o FILE",
				strerror(-why), strerror(errno));
	}
	snprintf(f->recording, sizeof f->recording, "%s/recording" RECORDING_SUFFIX, f->temporary);
	int error = store_create(f->recording, false, &f->store);
	if (error)
		return explain_recording(f->recording, error);
	run_complain(0, "the recording will not be kept, its folder cannot be written (%s); -o FILE keeps it", strerror(-why));
	return -1;
}

static int open_recording(const struct run_arguments *a, struct run_files *f)
{
	if (a->output)
		return open_chosen(a, f);
	int error = recording_path_default(a->command[0], f->recording, sizeof f->recording);
	if (!error)
		error = store_create(f->recording, false, &f->store);
	if (error)
		return open_temporary(f, error);
	recording_path_rotate();
	return -1;
}

static int open_csv(const struct run_arguments *a, struct run_files *f)
{
	if (!a->csv || !strcmp(a->csv, "-")) {
		f->csv = a->csv ? stdout : NULL;
		return -1;
	}
	int fd = open(a->csv, O_WRONLY | O_CREAT | O_CLOEXEC | (a->force ? O_TRUNC : O_EXCL), 0666);
	f->csv = fd < 0 ? NULL : fdopen(fd, "w");
	if (f->csv)
		return -1;
	return run_complain(EXIT_MEMWHY, "cannot write %s: %s%s", a->csv, strerror(errno), errno == EEXIST ? "; --force overwrites it" : "");
}

static void discard_recording(struct run_files *f)
{
	char error[256];
	if (f->store)
		store_close(f->store, error, sizeof error);
	f->store = NULL;
	unlink(f->recording);
}

static void close_files(struct run_files *f)
{
	if (f->temporary[0]) {
		unlink(f->recording);
		rmdir(f->temporary);
	}
	if (f->csv && f->csv != stdout)
		fclose(f->csv);
}

/* ---- the recording is complete ------------------------------------------------------------ */

static int close_store(struct run_files *f)
{
	char error[512] = "";
	int result = store_close(f->store, error, sizeof error);
	if (result != 0)
		run_complain(0, "the recording is not complete: %s", error);
	f->store = NULL;
	return result;
}

#define SYMBOLS_LIMIT_NS 2000000000u /* the summary waits for it */

/* The files are still what was loaded; what takes too long is left for memwhy symbolize. */
static void add_symbols(const struct run_arguments *a, struct run_files *f)
{
	struct recording_symbols_options options = { .limit_ns = SYMBOLS_LIMIT_NS };
	struct recording_symbols_result result;
	char text[2 * PATH_MAX + 512];
	int error = recording_symbols_guarded(f->recording, &options, &result, text, sizeof text);
	if (error && error != -ENODATA)
		run_complain(0, "%s", text);
	else if (!error && a->verbose && recording_symbols_complaint(&result, text, sizeof text))
		run_complain(0, "%s", text);
}

static void report(const struct run_arguments *a, struct run_files *f, const struct run_result *result)
{
	if (result->not_followed)
		run_complain(0, "%u processes were not followed: too many at once for memwhy, or for ulimit -n or -f", result->not_followed);
	if (!f->temporary[0])
		recording_path_remember(f->recording);
	if (!a->quiet)
		report_summary(f->recording, stderr, a->verbose);
	if (f->csv && export_csv_table(f->recording, NULL, f->csv) == 0 && fflush(f->csv) != 0)
		run_complain(0, "cannot write the CSV: %s", strerror(errno));
}

static int explain_launch(const struct launch_command *c, int error)
{
	char why[PATH_MAX];
	int status = launch_explain(c, error, why, sizeof why);
	return run_complain(status, "%s: %s", c->argv[0], why);
}

struct recorded { const struct run_arguments *a; struct run_files *f; };

/* A run_options.recorded. */
static void show(void *arg, const struct run_result *result)
{
	struct recorded *r = arg;
	bool is_read = !r->f->temporary[0] || !r->a->quiet;
	if (close_store(r->f) == 0 && is_read) /* the CSV of samples names no functions */
		add_symbols(r->a, r->f);
	if (result->no_limit)
		run_complain(0, "--until was left out: no thread could be had for it");
	report(r->a, r->f, result);
}

static int run_recorded(const struct run_arguments *a, struct run_options *options, struct run_files *f,
			int *ret_signal)
{
	struct run_result result;
	struct recorded recorded = { a, f };
	options->recorded = show;
	options->recorded_arg = &recorded;
	if (options->probe_path)
		run_plans_create(a->identify, options->probe_path, a->quiet, &options->plans);
	int error = run_target(options, f->store, &result);
	run_plans_destroy(options->plans);
	if (error || result.launch_errno) {
		discard_recording(f);
		return error ? run_complain(EXIT_MEMWHY, "cannot follow a program here: %s", strerror(-error))
			     : explain_launch(options->command, result.launch_errno);
	}
	if (WIFSIGNALED(result.wait_status))
		*ret_signal = WTERMSIG(result.wait_status);
	return WEXITSTATUS(result.wait_status);
}

/* -1, or the exit status. */
static int choose_probe(const struct run_arguments *a, struct run_options *o, char *path, size_t size)
{
	o->why_no_probe = a->probe ? exec_kind_clause(&o->command->kind) : "no probe was asked for (--no-probe)";
	if (*o->why_no_probe)
		return -1;
	int error = launch_find_probe(path, size);
	if (error == -ENOENT)
		return run_complain(EXIT_MEMWHY, "the probe %s is missing; install memwhy again, name it in MEMWHY_PROBE_LIB, or use --no-probe", path);
	if (error)
		return run_complain(EXIT_MEMWHY, "the probe %s cannot be preloaded: its path has a blank or a colon; name a copy in MEMWHY_PROBE_LIB", path);
	o->probe_path = path;
	return -1;
}

static int run(int argc, char **argv)
{
	struct run_arguments a;
	struct run_files f = { .store = NULL };
	struct launch_command command;
	char line[256] = "", probe[PATH_MAX + 64];
	int signal_number = 0, status = run_arguments_parse(argc, argv, &a);
	if (status >= 0)
		return status;
	launch_begin();
	int error = launch_find(a.command, &command);
	if (error)
		return explain_launch(&command, -error);
	run_arguments_describe(&a, line, sizeof line);
	struct run_options o = {
		.command = &command, .follow = a.follow, .hold = a.hold, .stacks = a.stacks,
		.every_ns = (uint64_t)a.every_ns, .snapshot_every_ns = (uint64_t)a.snapshot_every_ns,
		.until = a.until, .purge_at_exit = a.purge, .options_line = line,
	};
	if ((status = choose_probe(&a, &o, probe, sizeof probe)) < 0 && (status = open_csv(&a, &f)) < 0 &&
	    (status = open_recording(&a, &f)) < 0)
		status = run_recorded(&a, &o, &f, &signal_number);
	close_files(&f);
	if (signal_number)
		launch_die_of(signal_number);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.usage = "[OPTIONS] -- COMMAND [ARG...]",
	.summary = "run a program, record it, say why it is that big (the default)",
	.run = run,
};
