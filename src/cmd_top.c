/* SPDX-License-Identifier: MIT */
/* memwhy top [RECORDING]: the call stacks that hold the bytes, or pin the pages. */
#include "command.h"
#include "command_recording.h"
#include "stack_arguments.h"
#include "top.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

typedef int print_fn(const struct stack_model *m, const struct top_options *options, FILE *out);

struct request {
	struct stack_arguments arguments;
	struct top_options top;
	print_fn *print;
	const char *filter, *hide, *path; /* path: NULL: the last recording */
};

enum { OPTION_BY = 256, OPTION_AT, OPTION_GROUP, OPTION_FILTER, OPTION_HIDE, OPTION_NO_HIDE, OPTION_TREE, OPTION_DEPTH,
       OPTION_FORMAT, OPTION_PID, OPTION_HELP };

static const struct option long_options[] = {
	{ "by", required_argument, NULL, OPTION_BY },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "group", required_argument, NULL, OPTION_GROUP },
	{ "filter", required_argument, NULL, OPTION_FILTER },
	{ "hide", required_argument, NULL, OPTION_HIDE },
	{ "no-hide", no_argument, NULL, OPTION_NO_HIDE },
	{ "tree", required_argument, NULL, OPTION_TREE },
	{ "depth", required_argument, NULL, OPTION_DEPTH },
	{ "lines", required_argument, NULL, 'n' },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	printf("usage: memwhy top %s\n\n%s", cmd_top.usage,
	       "The call stacks that hold the bytes, of a recording that has call stacks; without\n"
	       "RECORDING, of the last one.\n\n");
	stack_arguments_print_help(stdout);
	fputs("  --group WHAT           function (default), file, module, or stack\n"
	      "  --filter REGEX         only stacks with such a function, file or module\n"
	      "  --hide REGEX           leave such lines out of the stacks\n"
	      "  --no-hide              show malloc, operator new and their like too\n"
	      "  --tree callers|callees a tree: who called, or from the outermost function inwards\n"
	      "  --depth N              levels of the tree, or of the ways shown below the table\n"
	      "  -n, --lines N          how many lines\n"
	      "  --format FORMAT        text (default) or json\n"
	      "  --help                 this\n", stdout);
}

static int set_tree(struct request *q, const char *text)
{
	q->top.tree = !strcmp(text, "callers") ? TOP_CALLERS : !strcmp(text, "callees") ? TOP_CALLEES : TOP_TABLE;
	return q->top.tree ? 0 : stack_argument_complain(&q->arguments, "unknown --tree", text, "use callers or callees");
}

static int set_format(struct request *q, const char *text)
{
	q->print = !strcmp(text, "json") ? top_print_json : !strcmp(text, "text") ? top_print_text : NULL;
	return q->print ? 0 : stack_argument_complain(&q->arguments, "unknown --format", text, "use text or json");
}

static int set_option(struct request *q, int c, const char *value)
{
	struct stack_arguments *a = &q->arguments;
	switch (c) {
	case OPTION_BY: return stack_argument_by(a, value);
	case OPTION_AT: return stack_argument_at(a, value);
	case OPTION_PID: return stack_argument_pid(a, value);
	case OPTION_GROUP: return stack_argument_group(a, value);
	case OPTION_FILTER: q->filter = value; return 0;
	case OPTION_HIDE: q->hide = value; return 0;
	case OPTION_NO_HIDE: q->top.bare = false; return 0;
	case OPTION_TREE: return set_tree(q, value);
	case OPTION_DEPTH: return stack_argument_number(a, "--depth", value, TOP_DEPTH_MAX, &q->top.depth);
	case 'n': return stack_argument_number(a, "-n", value, 1000000, &q->top.lines);
	default: return set_format(q, value);
	}
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":n:", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_HELP: print_help(); return -1;
		case ':': case '?': return command_bad_option("top", c, argv[optind - 1]);
		default: r = set_option(q, c, optarg);
		}
	if (!r)
		r = stack_arguments_check(&q->arguments);
	if (r)
		return r;
	q->top.group = q->arguments.group;
	return command_set_path("top", argc - optind, argv + optind, &q->path);
}

static int print_model(const struct request *q, struct stack_model *m)
{
	char error[300];
	if (stack_model_mark(m, q->filter, q->hide, error, sizeof error)) {
		fprintf(stderr, "memwhy: top: %s\n", error);
		return EXIT_USAGE;
	}
	int result = q->print(m, &q->top, stdout);
	if (!result && (fflush(stdout) || ferror(stdout)))
		result = errno ? -errno : -EIO;
	if (result)
		fprintf(stderr, "memwhy: top: cannot write: %s\n", strerror(-result));
	return result ? EXIT_MEMWHY : 0;
}

static int print_top(const void *request, const char *path)
{
	const struct request *q = request;
	struct recording *r = command_recording_open(path);
	struct stack_model m;
	struct stack_labels names = { 0 };
	if (!r)
		return EXIT_MEMWHY;
	int result = stack_model_init(&m, r, &q->arguments.query, &names), status = EXIT_MEMWHY;
	if (result)
		fprintf(stderr, "memwhy: top: %s\n", stack_error_text(r, result));
	else
		status = print_model(q, &m);
	if (!result)
		stack_model_finish(&m);
	stack_labels_finish(&names);
	recording_close(r);
	return status;
}

static int run_top(int argc, char **argv)
{
	struct request q = { .arguments = { "top", STACK_QUERY_DEFAULT, false, STACK_GROUP_FUNCTION },
			     .top = { .bare = true, .utf8 = -1 }, .print = top_print_text };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, print_top, &q);
}

const struct command cmd_top = {
	.name = "top",
	.usage = "[--by FIGURE] [--at MOMENT] [--group WHAT] [--tree callers|callees] [-n N] [RECORDING]",
	.summary = "the call stacks that hold the bytes, or pin the pages",
	.run = run_top,
};
