/* SPDX-License-Identifier: MIT */
/* memwhy symbolize [RECORDING]: names for its call stacks, later or anew. */
#include "command.h"
#include "command_recording.h"
#include "recording_symbols.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEBUG_DIRS_MAX 64

struct request {
	struct recording_symbols_options options;
	const char *debug_dirs[DEBUG_DIRS_MAX + 1];
	size_t debug_dir_count;
	const char *path; /* NULL: the last recording */
};

enum { OPTION_DEBUG_DIR = 256, OPTION_FORCE, OPTION_HELP };

static const struct option long_options[] = {
	{ "debug-dir", required_argument, NULL, OPTION_DEBUG_DIR },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static int print_help(void)
{
	printf("usage: memwhy symbolize %s\n\n%s", cmd_symbolize.usage,
	       "Looks up functions, files and lines for the call stacks of a recording, in the\n"
	       "program's files and their debug files as they are now; without RECORDING, of the\n"
	       "last one. memwhy run does it too; this is for debug files that came later.\n\n"
	       "  --debug-dir DIR  look for debug files here first; more than once: in this order\n"
	       "  --force          look up again what has names already\n"
	       "  --help           this\n");
	return -1;
}

static int add_debug_dir(struct request *q, const char *path)
{
	struct stat st;
	if (q->debug_dir_count == DEBUG_DIRS_MAX)
		return command_complain("symbolize", "too many --debug-dir at", path, "64 at most");
	if (stat(path, &st) != 0)
		return command_complain("symbolize", "bad --debug-dir", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return command_complain("symbolize", "bad --debug-dir", path, "it is no folder");
	q->debug_dirs[q->debug_dir_count++] = path;
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
		case OPTION_DEBUG_DIR: r = add_debug_dir(q, optarg); break;
		case OPTION_FORCE: q->options.anew = true; break;
		case OPTION_HELP: return print_help();
		default: return command_bad_option("symbolize", c, argv[optind - 1]);
		}
	q->options.debug_dirs = q->debug_dirs;
	return r ? r : command_set_path("symbolize", argc - optind, argv + optind, &q->path);
}

static int symbolize(const void *request, const char *path)
{
	const struct request *q = request;
	struct recording_symbols_result r;
	char text[2 * PATH_MAX + 512];
	if (recording_symbols_guarded(path, &q->options, &r, text, sizeof text) < 0) {
		fprintf(stderr, "memwhy: %s\n", text);
		return EXIT_MEMWHY;
	}
	printf("%s: %llu of %llu frames have names, %llu of them a file and line\n", path, (unsigned long long)r.named,
	       (unsigned long long)r.frames, (unsigned long long)r.with_lines);
	if (recording_symbols_complaint(&r, text, sizeof text))
		fprintf(stderr, "memwhy: %s\n", text);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "memwhy: cannot write to standard output\n");
	return EXIT_MEMWHY;
}

static int run_symbolize(int argc, char **argv)
{
	struct request q = { .debug_dir_count = 0 };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, symbolize, &q);
}

const struct command cmd_symbolize = {
	.name = "symbolize",
	.usage = "[--debug-dir DIR]... [--force] [RECORDING]",
	.summary = "names for the call stacks of a recording, later or anew",
	.run = run_symbolize,
};
