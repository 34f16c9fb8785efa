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

typedef int print_fn(struct recording *r, const struct report_options *options, FILE *out);

struct request {
	struct report_options options;
	print_fn *print;
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

static const struct { const char *name; print_fn *print; } formats[] = {
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

static int complain(const char *what, const char *value, const char *advice)
{
	fprintf(stderr, "memwhy: %s \"%s\": %s\n", what, value, advice);
	return EXIT_USAGE;
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
	return complain("report: bad --at", text, "use peak, live-peak, exit, or a time as 0.4, 200ms or 3m");
}

static int set_format(struct request *q, const char *text)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!strcmp(text, formats[i].name)) {
			q->print = formats[i].print;
			return 0;
		}
	return complain("report: unknown --format", text, "use text or json");
}

static int set_pid(struct request *q, const char *text)
{
	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || end == text || *end || pid <= 0 || pid > INT_MAX)
		return complain("report: bad --pid", text, "use a process id of the run");
	q->options.pid = pid;
	return 0;
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
		case OPTION_PID: r = set_pid(q, optarg); break;
		case 'v': q->options.verbose++; break;
		case OPTION_HELP: print_help(); return -1;
		case ':': return complain("report: needs a value:", argv[optind - 1], "see memwhy report --help");
		default: return complain("report: unknown option", argv[optind - 1], "see memwhy report --help");
		}
	if (r)
		return r;
	if (argc - optind > 1)
		return complain("report: too many arguments at", argv[optind + 1], "one recording at a time");
	q->path = argv[optind];
	return 0;
}

static int print_report(const struct request *q, const char *path)
{
	struct recording *r = command_recording_open(path);
	if (!r)
		return EXIT_MEMWHY;
	int result = q->print(r, &q->options, stdout);
	if (result)
		fprintf(stderr, "memwhy: %s\n", report_error_text(r, result));
	else if (fflush(stdout) || ferror(stdout)) {
		result = -errno;
		fprintf(stderr, "memwhy: cannot write the report: %s\n", strerror(errno));
	}
	recording_close(r);
	return result ? EXIT_MEMWHY : 0;
}

static int run_report(int argc, char **argv)
{
	struct request q = { .options = REPORT_OPTIONS_DEFAULT, .print = report_print_summary };
	char last[PATH_MAX];
	int r = parse(&q, argc, argv);
	if (r)
		return r < 0 ? 0 : r;
	const char *path = command_recording_path(q.path, last);
	if (!path)
		return EXIT_MEMWHY;
	return print_report(&q, path);
}

const struct command cmd_report = {
	.name = "report",
	.usage = "[--at peak|live-peak|exit|TIME] [--pid PID] [--format text|json] [-v] [RECORDING]",
	.summary = "the summary of a recording again",
	.run = run_report,
};
