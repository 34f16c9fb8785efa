/* SPDX-License-Identifier: MIT */
/* memwhy report [RECORDING]: the summary again, at another moment, or as JSON. */
#include "command.h"
#include "ledger.h"
#include "recording.h"
#include "command_recording.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	struct report_options options;
	command_print_fn *print;
	const char *path; /* NULL: the last recording */
};

enum { OPTION_AT = 256, OPTION_FORMAT, OPTION_PID, OPTION_HELP };

static const struct option long_options[] = {
	{ "at", required_argument, NULL, OPTION_AT },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const struct { const char *name; command_print_fn *print; } formats[] = {
	{ "text", report_print_summary },
	{ "json", report_print_json },
};

static void print_help(void)
{
	printf("usage: memwhy report %s\n\n%s", cmd_report.usage,
	       "The summary of a recording, of the process with the largest resident peak;\n"
	       "without RECORDING, of the last one.\n\n"
	       "  --at MOMENT      peak (default), live-peak, exit, or a TIME since the start\n"
	       "                   (0.4, 200ms, 3m): the nearest snapshot\n"
	       "  --pid PID        another process of the run\n"
	       "  --format FORMAT  text (default) or json\n"
	       "  -v, --verbose    every term and every process\n"
	       "  --help           this\n\n"
	       "The terms (memwhy-ledger(7)):\n");
	for (int t = 0; t < LEDGER_TERMS; t++)
		printf("  %-24s %s\n", ledger_term_infos[t].name, ledger_term_infos[t].meaning);
}

static int set_moment(struct request *q, const char *text)
{
	static const char *const names[] = { "peak", "live-peak", "exit" };
	for (int i = 0; i < REPORT_AT_TIME; i++)
		if (!strcmp(text, names[i])) {
			q->options.at = i;
			return 0;
		}
	q->options.at = REPORT_AT_TIME;
	if (!report_parse_time(text, &q->options.at_ns))
		return 0;
	return command_complain("report", "bad --at", text, "use peak, live-peak, exit, or a time as 0.4, 200ms or 3m");
}

static int set_format(struct request *q, const char *text)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!strcmp(text, formats[i].name)) {
			q->print = formats[i].print;
			return 0;
		}
	return command_complain("report", "unknown --format", text, "use text or json");
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":v", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_AT: r = set_moment(q, optarg); break;
		case OPTION_FORMAT: r = set_format(q, optarg); break;
		case OPTION_PID: r = command_set_pid("report", optarg, &q->options.pid); break;
		case 'v': q->options.verbose++; break;
		case OPTION_HELP: print_help(); return -1;
		default: return command_bad_option("report", c, argv[optind - 1]);
		}
	return r ? r : command_set_path("report", argc - optind, argv + optind, &q->path);
}

static int print_report(const void *request, const char *path)
{
	const struct request *q = request;
	return command_print(path, q->print, &q->options, "the report");
}

static int run_report(int argc, char **argv)
{
	struct request q = { .options = REPORT_OPTIONS_DEFAULT, .print = report_print_summary };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, print_report, &q);
}

const struct command cmd_report = {
	.name = "report",
	.usage = "[--at peak|live-peak|exit|TIME] [--pid PID] [--format text|json] [-v] [RECORDING]",
	.summary = "the summary of a recording again",
	.run = run_report,
};
