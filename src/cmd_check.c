/* SPDX-License-Identifier: MIT */
/* memwhy check --budget LIMITS [RECORDING]: does a run keep to its budget? For CI. */
#include "check_print.h"
#include "command.h"
#include "command_recording.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_BROKEN 1

struct request {
	struct budget budget;
	bool has_budget;
	check_print_fn *print;
	const char *path, *baseline; /* path: NULL: the last recording */
	int64_t pid;
};

enum { OPTION_BUDGET = 256, OPTION_BASELINE, OPTION_FORMAT, OPTION_HELP };
static const struct option long_options[] = {
	{ "budget", required_argument, NULL, OPTION_BUDGET },
	{ "baseline", required_argument, NULL, OPTION_BASELINE },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	const char *meaning, *name;
	printf("usage: memwhy check %s\n\n%s", cmd_check.usage,
	       "Holds a recording to limits: status 0 if all are kept, 1 if one is not or its\n"
	       "figure could not be had. Without RECORDING, the last one.\n\n"
	       "  --budget LIMITS   'peak_rss<200MiB,rss/live<1.6,live_peak<+5%': a figure or a\n"
	       "                    ratio of two, <, <=, > or >=, and a value with its unit; with\n"
	       "                    + or - it is relative to the baseline\n"
	       "  --baseline FILE   the recording that relative limits are about\n"
	       "  --format FORMAT   text (default), json, junit, or github (annotations)\n"
	       "  --help            this\n\n"
	       "Figures; terms of the ledger are those of the resident peak, or with\n"
	       "\"live_peak.\" or \"exit.\" in front, of that moment:\n");
	for (size_t i = 0; (name = budget_name(i, &meaning)); i++)
		printf("  %-24s %s\n", name, meaning);
}

static int complain(const char *what, const char *value, const char *advice)
{
	fprintf(stderr, "memwhy: check: %s %s: %s\n", what, value, advice);
	return EXIT_USAGE;
}

static int set_budget(struct request *q, const char *text)
{
	char error[256];
	if (q->has_budget)
		return complain("a second", "--budget", "put all limits into one, with commas");
	if (budget_parse(text, &q->budget, error, sizeof error)) {
		fprintf(stderr, "memwhy: check: bad limit %s\n", error);
		return EXIT_USAGE;
	}
	q->has_budget = true;
	return 0;
}

static int set_format(struct request *q, const char *text)
{
	q->print = check_format_by_name(text);
	return q->print ? 0 : complain("unknown --format", text, "use text, json, junit or github");
}

static int judge_arguments(const struct request *q, int operands, char **operand)
{
	if (!q->has_budget)
		return complain("there is no", "--budget", "such as --budget 'peak_rss<200MiB'; see memwhy check --help");
	if (operands > 1)
		return complain("too many arguments at", operand[1], "one recording at a time");
	if (q->budget.needs_baseline && !q->baseline)
		return complain("a limit is relative, and there is no", "--baseline", "name the recording that it is about");
	return 0;
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_BUDGET: r = set_budget(q, optarg); break;
		case OPTION_BASELINE: q->baseline = optarg; break;
		case OPTION_FORMAT: r = set_format(q, optarg); break;
		case OPTION_HELP: print_help(); return -1;
		case ':': return complain("needs a value:", argv[optind - 1], "see memwhy check --help");
		default: return complain("unknown option", argv[optind - 1], "see memwhy check --help");
		}
	if (r)
		return r;
	q->path = argv[optind];
	return judge_arguments(q, argc - optind, argv + optind);
}

struct opened {
	struct recording *recording;
	struct report_model model;
};

static void close_model(struct opened *o)
{
	report_model_finish(&o->model);
	recording_close(o->recording);
}

/* Has said what is wrong when it fails. */
static bool open_model(const char *path, struct opened *ret_opened)
{
	const struct report_options options = REPORT_OPTIONS_DEFAULT;
	ret_opened->recording = command_recording_open(path);
	if (!ret_opened->recording)
		return false;
	int result = report_model_init(&ret_opened->model, ret_opened->recording, &options);
	if (!result)
		return true;
	fprintf(stderr, "memwhy: %s\n", report_error_text(ret_opened->recording, result));
	close_model(ret_opened);
	return false;
}

static int check(const struct request *q, const char *path, const struct report_model *m, const struct report_model *baseline)
{
	struct check_result c = { .budget = &q->budget, .model = m, .baseline = baseline, .path = path, .baseline_path = q->baseline };
	for (size_t i = 0; i < q->budget.count; i++)
		c.verdicts[i] = budget_judge(&q->budget.limits[i], m, baseline);
	q->print(&c, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "memwhy: cannot write the outcome: %s\n", strerror(errno));
		return EXIT_MEMWHY;
	}
	return check_broken(&c) ? EXIT_BROKEN : 0;
}

static int check_recording(const void *request, const char *path)
{
	const struct request *q = request;
	struct opened here = { 0 }, base = { 0 };
	if (!open_model(path, &here))
		return EXIT_MEMWHY;
	int status = EXIT_MEMWHY;
	if (!q->baseline) {
		status = check(q, path, &here.model, NULL);
	} else if (open_model(q->baseline, &base)) {
		status = check(q, path, &here.model, &base.model);
		close_model(&base);
	}
	close_model(&here);
	return status;
}

static int run_check(int argc, char **argv)
{
	struct request q = { .print = check_format_by_name("text") };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, check_recording, &q);
}

const struct command cmd_check = {
	.name = "check",
	.usage = "--budget LIMITS [--baseline FILE] [--format FORMAT] [RECORDING]",
	.summary = "hold a recording to limits, for CI",
	.run = run_check,
};
