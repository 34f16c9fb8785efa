/* SPDX-License-Identifier: MIT */
/* memwhy compare: commands, allocators and settings side by side, measured. */
#include "command.h"
#include "compare_rows.h"
#include "experiment.h"
#include "launch.h"
#include "report.h"
#include "util/folder.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_LEFT_OUT 1
#define BUDGET_NS 60000000000u
#define WIDTH 100

struct request {
	struct compare_request rows;
	struct experiment_options runs;
	bool has_budget, has_columns;
	struct compare_view view;
	compare_print_fn *print;
};

enum {
	OPTION_ALLOCATOR = 256, OPTION_ENV, OPTION_SHELL, OPTION_RUNS, OPTION_RECORDED, OPTION_WARMUP, OPTION_BUDGET, OPTION_TIMEOUT,
	OPTION_PREPARE, OPTION_OUTPUT, OPTION_IGNORE_FAILURE, OPTION_KEEP, OPTION_COLUMNS, OPTION_SORT, OPTION_FORMAT, OPTION_HELP
};
static const struct option long_options[];
static const char help_text[];

static int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int complain(const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	fprintf(stderr, "memwhy: compare: %s\n", line);
	return EXIT_USAGE;
}

static void print_help(void)
{
	printf("usage: memwhy compare %s\n\n%s\nColumns:\n", cmd_compare.usage, help_text);
	for (int i = 0; i < COMPARE_COLUMNS; i++)
		printf("  %-15s %s\n", compare_column_infos[i].name, compare_column_infos[i].meaning);
}

/* ---- options: each 0 or an exit status ------------------------------------------------------ */

static int set_number(const char *option, const char *text, unsigned min, unsigned max, unsigned *ret_number)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || n < min || n > max)
		return complain("%s takes a number from %u to %u, not '%s'", option, min, max, text);
	*ret_number = (unsigned)n;
	return 0;
}

static int set_time(const char *option, const char *text, uint64_t *ret_ns)
{
	int64_t ns;
	if (report_parse_time(text, &ns) != 0 || ns < 1000000 || ns > 86400000000000)
		return complain("%s takes a time from 1ms to 24h, such as 30s, not '%s'", option, text);
	*ret_ns = (uint64_t)ns;
	return 0;
}

static int add_setting(struct request *q, const char *text)
{
	if (q->rows.setting_count == COMPARE_SETTINGS_MAX)
		return complain("--env can be given %d times at most", COMPARE_SETTINGS_MAX);
	q->rows.settings[q->rows.setting_count++] = text;
	return 0;
}

static int set_columns(struct request *q, char *text)
{
	char *rest = NULL;
	q->view.column_count = 0;
	q->has_columns = true;
	for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		int c = compare_column_by_name(name);
		if (c < 0 || q->view.column_count == COMPARE_COLUMNS)
			return complain("unknown column '%s'; memwhy compare --help lists them", name);
		q->view.columns[q->view.column_count++] = (enum compare_column)c;
	}
	return q->view.column_count ? 0 : complain("--columns takes names with commas between them");
}

static int set_sort(struct request *q, const char *text)
{
	q->view.sort = compare_column_by_name(text);
	return q->view.sort >= 0 ? 0 : complain("unknown column '%s' to sort by; memwhy compare --help lists them", text);
}

static int set_format(struct request *q, const char *text)
{
	q->print = compare_format_by_name(text);
	return q->print ? 0 : complain("unknown format '%s'; use text, csv, json or markdown", text);
}

static int set_option(struct request *q, int option)
{
	switch (option) {
	case OPTION_ALLOCATOR: q->rows.allocators = optarg; return 0;
	case OPTION_ENV: return add_setting(q, optarg);
	case OPTION_SHELL: q->rows.shell = q->runs.shell = true; return 0;
	case OPTION_RUNS: return set_number("--runs", optarg, 1, EXPERIMENT_ROUNDS_MAX, &q->runs.rounds);
	case OPTION_RECORDED: return set_number("--recorded", optarg, 0, EXPERIMENT_ROUNDS_MAX, &q->runs.recorded);
	case OPTION_WARMUP: return set_number("--warmup", optarg, 0, EXPERIMENT_ROUNDS_MAX, &q->runs.warmup);
	case OPTION_BUDGET: q->has_budget = true; return set_time("--budget", optarg, &q->runs.budget_ns);
	case OPTION_TIMEOUT: return set_time("--timeout", optarg, &q->runs.timeout_ns);
	case OPTION_PREPARE: q->runs.prepare = optarg; return 0;
	case OPTION_OUTPUT: q->runs.output = optarg; return 0;
	case OPTION_IGNORE_FAILURE: q->runs.ignore_failure = true; return 0;
	case OPTION_KEEP: q->runs.keep = optarg; return 0;
	case OPTION_COLUMNS: return set_columns(q, optarg);
	case OPTION_SORT: return set_sort(q, optarg);
	case OPTION_FORMAT: return set_format(q, optarg);
	default: return -1;
	}
}

/* Where nothing is recorded there is nothing to be a dash. */
static void choose_columns(struct request *q)
{
	for (int i = 0; i < COMPARE_COLUMNS && !q->has_columns; i++)
		if (q->runs.recorded || compare_column_infos[i].kind != COMPARE_RECORDED)
			q->view.columns[q->view.column_count++] = (enum compare_column)i;
}

/* Behind "--" stands one command in words; without it each argument is a command. */
static int take_commands(struct request *q, int count, char **words, bool is_argv)
{
	if (!count || !*words[0])
		return complain("nothing to compare; name commands, each in quotes, or one behind --");
	if (is_argv && q->rows.shell)
		return complain("--shell takes commands in quotes, not one behind --");
	for (int i = 0; !is_argv && i < count; i++)
		if (words[i][0] == '-')
			return complain("%s comes behind a command; options come first", words[i]);
	if (is_argv)
		q->rows.argv = words;
	q->rows.commands = words;
	q->rows.command_count = (size_t)count;
	if (q->runs.rounds && !q->has_budget)
		q->runs.budget_ns = 0; /* so many were asked for */
	return 0;
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	int c, r = 0;
	optind = 0;
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
		if (c == 'h' || c == OPTION_HELP) {
			print_help();
			return -1;
		}
		if (c == ':')
			return complain("needs a value: %s; see memwhy compare --help", argv[optind - 1]);
		r = set_option(q, c);
		if (r < 0)
			return complain("unknown option %s; see memwhy compare --help", argv[optind - 1]);
	}
	return r ? r : take_commands(q, argc - optind, argv + optind, !strcmp(argv[optind - 1], "--"));
}

/* ---- work --------------------------------------------------------------------------------------- */

static int make_folder(const char *path)
{
	char copy[4096];
	if (!path)
		return 0;
	snprintf(copy, sizeof copy, "%s", path);
	int error = folder_make(copy);
	if (!error)
		return 0;
	complain("cannot make the folder %s: %s", path, strerror(-error));
	return EXIT_MEMWHY;
}

static int print(struct request *q, struct compare *c, const struct experiment_outcome *o)
{
	q->view.compare = c;
	q->view.unfinished = o->interrupted_by ? "it was interrupted" :
			     o->out_of_time ? "the time was up (--budget)" : NULL;
	if (compare_judge(c) != 0) {
		complain("out of memory");
		return EXIT_MEMWHY;
	}
	q->print(&q->view, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the outcome: %s", strerror(errno));
		return EXIT_MEMWHY;
	}
	for (size_t i = 0; i < c->count; i++)
		if (c->rows[i].left_out[0])
			return EXIT_LEFT_OUT;
	return 0;
}

static int compare(struct request *q, int *ret_signal)
{
	struct compare *c = calloc(1, sizeof *c);
	struct experiment_outcome o = { 0 };
	char error[512];
	int r = c ? compare_make_rows(&q->rows, c, error, sizeof error) : -ENOMEM;
	if (r) {
		free(c);
		complain("%s", r == -EINVAL ? error : strerror(-r));
		return r == -EINVAL ? EXIT_USAGE : EXIT_MEMWHY;
	}
	int status = experiment_run(&q->runs, c, &o);
	if (status)
		complain("cannot go on: %s", strerror(-status));
	int printed = print(q, c, &o);
	*ret_signal = o.interrupted_by;
	compare_finish(c);
	free(c);
	return status ? EXIT_MEMWHY : printed;
}

static int run_compare(int argc, char **argv)
{
	struct request q = {
		.runs = { .output = "null", .warmup = 1, .recorded = STATISTICS_RUNS_MIN, .budget_ns = BUDGET_NS, .progress = isatty(2) },
		.view = { .sort = -1, .width = WIDTH }, .print = compare_print_text,
	};
	int signal_number = 0;
	int status = parse(&q, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	choose_columns(&q);
	status = make_folder(q.runs.keep);
	if (!status)
		status = compare(&q, &signal_number);
	if (signal_number)
		launch_die_of(signal_number);
	return status;
}

static const struct option long_options[] = {
	{ "allocator", required_argument, NULL, OPTION_ALLOCATOR },
	{ "env", required_argument, NULL, OPTION_ENV },
	{ "shell", no_argument, NULL, OPTION_SHELL },
	{ "runs", required_argument, NULL, OPTION_RUNS },
	{ "recorded", required_argument, NULL, OPTION_RECORDED },
	{ "warmup", required_argument, NULL, OPTION_WARMUP },
	{ "budget", required_argument, NULL, OPTION_BUDGET },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "prepare", required_argument, NULL, OPTION_PREPARE },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "ignore-failure", no_argument, NULL, OPTION_IGNORE_FAILURE },
	{ "keep", required_argument, NULL, OPTION_KEEP },
	{ "columns", required_argument, NULL, OPTION_COLUMNS },
	{ "sort", required_argument, NULL, OPTION_SORT },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"Runs each row several times, interleaved: clean (nothing of memwhy in it) for times\n"
	"and the kernel's peak, and recorded for the ledger. A difference against the first\n"
	"row is marked only where it is more than noise. Commands need no shell: quotes and\n"
	"backslashes part words as it would. One command may stand behind -- instead.\n\n"
	"  --allocator LIST  under each of these: glibc, jemalloc, mimalloc, tcmalloc, or the\n"
	"                    path of a library that replaces malloc\n"
	"  --env NAME=V1,V2  under each of these settings; can be repeated, all combinations\n"
	"  --shell           commands are for /bin/sh\n"
	"  --runs N          so many clean runs of each row; without it, until medians are\n"
	"                    precise or the time is up\n"
	"  --recorded N      so many recorded runs (5), of the first rounds; 0: none\n"
	"  --warmup N        runs of each row before the first that counts (1)\n"
	"  --budget TIME     stop before this is over (60s; with --runs only if given)\n"
	"  --timeout TIME    a run that takes longer is killed, and its row left out\n"
	"  --prepare COMMAND for /bin/sh, before each run\n"
	"  --output WHERE    the commands' output: null, inherit, or a file for standard output\n"
	"  --ignore-failure  count runs that fail\n"
	"  --keep DIR        recordings go there, none is deleted\n"
	"  --columns LIST    these, in this order\n"
	"  --sort COLUMN     rows by this, the smallest first\n"
	"  --format FORMAT   text (default), csv, json or markdown\n"
	"  --help            this\n";

const struct command cmd_compare = {
	.name = "compare",
	.usage = "[OPTIONS] 'COMMAND' ['COMMAND'...] | [OPTIONS] -- COMMAND [ARG...]",
	.summary = "commands, allocators and settings side by side, measured",
	.run = run_compare,
};
