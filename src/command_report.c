/* SPDX-License-Identifier: MIT */
/* See command_report.h. */
#include "command_report.h"

#include <getopt.h>
#include <string.h>

struct request {
	const struct command_report *c;
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

static int set_moment(struct request *q, const char *text)
{
	return q->c->set_moment(&q->options, text) ? 0 : command_complain(q->c->name, "bad --at", text, q->c->moments);
}

static int set_format(struct request *q, const char *text)
{
	q->print = !strcmp(text, "text") ? q->c->text : !strcmp(text, "json") ? q->c->json : NULL;
	return q->print ? 0 : command_complain(q->c->name, "unknown --format", text, "use text or json");
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	const char *name = q->c->name;
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":v", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_AT: r = set_moment(q, optarg); break;
		case OPTION_FORMAT: r = set_format(q, optarg); break;
		case OPTION_PID: r = command_set_pid(name, optarg, &q->options.pid); break;
		case 'v': q->options.verbose++; break;
		case OPTION_HELP: q->c->print_help(); return -1;
		default: return command_bad_option(name, c, argv[optind - 1]);
		}
	return r ? r : command_set_path(name, argc - optind, argv + optind, &q->path);
}

static int print_recording(const void *request, const char *path)
{
	const struct request *q = request;
	return command_print(path, q->print, &q->options, q->c->what);
}

int command_report_run(const struct command_report *c, int argc, char **argv)
{
	struct request q = { .c = c, .options = REPORT_OPTIONS_DEFAULT, .print = c->text };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, print_recording, &q);
}
