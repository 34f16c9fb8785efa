/* SPDX-License-Identifier: MIT */
/* memwhy diff A B: two recordings side by side. */
#include "command.h"
#include "diff.h"
#include "command_recording.h"
#include "stack_arguments.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

typedef int print_fn(const struct diff *d, FILE *out);

struct request {
	struct stack_arguments arguments;
	print_fn *print;
	int lines;
	const char *paths[2];
};

enum { OPTION_BY = 256, OPTION_AT, OPTION_GROUP, OPTION_FORMAT, OPTION_HELP };

static const struct option long_options[] = {
	{ "by", required_argument, NULL, OPTION_BY },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "group", required_argument, NULL, OPTION_GROUP },
	{ "lines", required_argument, NULL, 'n' },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	printf("usage: memwhy diff %s\n\n%s", cmd_diff.usage,
	       "The ledgers of two recordings at the same moment side by side, and their call\n"
	       "stacks, matched by the names of functions; of each the largest process.\n\n");
	fputs("  --by FIGURE            which bytes of the stacks; live if not given\n", stdout);
	for (int by = 0; by < STACK_BYS; by++)
		printf("      %-18s %s\n", stack_by_infos[by].name, stack_by_infos[by].meaning);
	fputs("  --at MOMENT            peak (default), live-peak, exit, or a TIME since the start\n"
	      "  --group WHAT           function (default), file, module, or stack\n"
	      "  -n, --lines N          how many rows of stacks\n"
	      "  --format FORMAT        text (default) or json\n"
	      "  --help                 this\n", stdout);
}

static int set_format(struct request *q, const char *text)
{
	q->print = !strcmp(text, "json") ? diff_print_json : !strcmp(text, "text") ? diff_print_text : NULL;
	return q->print ? 0 : stack_argument_complain(&q->arguments, "unknown --format", text, "use text or json");
}

static int set_paths(struct request *q, int count, char **operands)
{
	if (count > 2)
		return stack_argument_complain(&q->arguments, "too many arguments at", operands[2], "two recordings");
	if (count < 2) {
		fprintf(stderr, "memwhy: diff: which two recordings? Usage: memwhy diff %s\n", cmd_diff.usage);
		return EXIT_USAGE;
	}
	q->paths[0] = operands[0];
	q->paths[1] = operands[1];
	return 0;
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	struct stack_arguments *a = &q->arguments;
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":n:", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_BY: r = stack_argument_by(a, optarg); break;
		case OPTION_AT: r = stack_argument_at(a, optarg); break;
		case OPTION_GROUP: r = stack_argument_group(a, optarg); break;
		case OPTION_FORMAT: r = set_format(q, optarg); break;
		case 'n': r = stack_argument_number(a, "-n", optarg, 1000000, &q->lines); break;
		case OPTION_HELP: print_help(); return -1;
		default: return command_bad_option("diff", c, argv[optind - 1]);
		}
	if (!r)
		r = stack_arguments_check(a);
	return r ? r : set_paths(q, argc - optind, argv + optind);
}

static int print_diff(const struct request *q, struct recording *const r[2])
{
	struct diff_options o = { q->arguments.query, q->arguments.group, q->lines, 0, -1 };
	struct diff d;
	int bad = 0, result = diff_init(&d, r[0], r[1], &o, &bad);
	if (result) {
		fprintf(stderr, "memwhy: diff: %s: %s\n", q->paths[bad], stack_error_text(r[bad], result));
		return EXIT_MEMWHY;
	}
	result = q->print(&d, stdout);
	if (!result && (fflush(stdout) || ferror(stdout)))
		result = errno ? -errno : -EIO;
	if (result)
		fprintf(stderr, "memwhy: diff: cannot write: %s\n", strerror(-result));
	diff_finish(&d);
	return result ? EXIT_MEMWHY : 0;
}

static int run_diff(int argc, char **argv)
{
	struct request q = { .arguments = { "diff", STACK_QUERY_DEFAULT, false, STACK_GROUP_FUNCTION }, .print = diff_print_text };
	struct recording *r[2] = { NULL, NULL };
	int status = parse(&q, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	for (int i = 0; i < 2 && !status; i++)
		if (!(r[i] = command_recording_open(q.paths[i])))
			status = EXIT_MEMWHY;
	if (!status)
		status = print_diff(&q, r);
	for (int i = 0; i < 2; i++)
		if (r[i])
			recording_close(r[i]);
	return status;
}

const struct command cmd_diff = {
	.name = "diff",
	.usage = "[--by FIGURE] [--at MOMENT] [--group WHAT] [-n N] [--format text|json] A B",
	.summary = "two recordings side by side",
	.run = run_diff,
};
