/* SPDX-License-Identifier: MIT */
/* memwhy why [RECORDING]: every finding of the verdict, with its evidence, or as JSON. */
#include "command.h"
#include "recording.h"
#include "command_recording.h"
#include "report.h"
#include "rules/rules.h"

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

static void print_help(void)
{
	printf("usage: memwhy why %s\n\n%s", cmd_why.usage,
	       "Why the process with the largest resident peak is bigger than its data, and what\n"
	       "would give it back; without RECORDING, of the last one.\n\n"
	       "  --at MOMENT      peak (default) or exit: what comes first\n"
	       "  --pid PID        another process of the run\n"
	       "  --format FORMAT  text (default) or json\n"
	       "  -v, --verbose    with the evidence of each finding\n"
	       "  --help           this\n\n"
	       "What is looked for (memwhy-why(1)):\n");
	for (size_t i = 0; rules[i]; i++)
		printf("  %-24s %s\n", rules[i]->id, rules[i]->question);
}

static int set_moment(struct request *q, const char *text)
{
	q->options.at = !strcmp(text, "exit") ? REPORT_AT_EXIT : REPORT_AT_PEAK;
	return !strcmp(text, "exit") || !strcmp(text, "peak") ? 0 : command_complain("why", "bad --at", text, "use peak or exit");
}

static int set_format(struct request *q, const char *text)
{
	q->print = !strcmp(text, "json") ? report_print_why_json : report_print_why;
	return !strcmp(text, "json") || !strcmp(text, "text") ? 0 :
	       command_complain("why", "unknown --format", text, "use text or json");
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
		case OPTION_PID: r = command_set_pid("why", optarg, &q->options.pid); break;
		case 'v': q->options.verbose++; break;
		case OPTION_HELP: print_help(); return -1;
		default: return command_bad_option("why", c, argv[optind - 1]);
		}
	return r ? r : command_set_path("why", argc - optind, argv + optind, &q->path);
}

static int print_why(const void *request, const char *path)
{
	const struct request *q = request;
	return command_print(path, q->print, &q->options, "the verdict");
}

static int run_why(int argc, char **argv)
{
	struct request q = { .options = REPORT_OPTIONS_DEFAULT, .print = report_print_why };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, print_why, &q);
}

const struct command cmd_why = {
	.name = "why",
	.usage = "[--at peak|exit] [--pid PID] [--format text|json] [-v] [RECORDING]",
	.summary = "why it is bigger than its data, and what would give it back",
	.run = run_why,
};
