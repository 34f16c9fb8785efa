/* SPDX-License-Identifier: MIT */
/* memwhy tui [RECORDING]: a recording on the terminal, with keys. */
#include "command.h"
#include "command_recording.h"
#include "shell.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_NO_TERMINAL 1

struct request {
	int64_t pid;
	const char *path; /* NULL: the last recording */
};

enum { OPTION_PID = 256, OPTION_HELP };

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	printf("usage: memwhy tui %s\n\n%s", cmd_tui.usage,
	       "A recording on the terminal: resident bytes by cause over time, why, call stacks, the\n"
	       "allocator, mappings, processes. One that is still being written is followed.\n"
	       "Without RECORDING, the last one.\n\n"
	       "  --pid PID        another process than the one with the largest resident peak\n"
	       "  --help           this\n\n"
	       "On the screen, ? tells the keys and q leaves. Without a terminal: memwhy report.\n");
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_PID: r = command_set_pid("tui", optarg, &q->pid); break;
		case OPTION_HELP: print_help(); return -1;
		default: return command_bad_option("tui", c, argv[optind - 1]);
		}
	return r ? r : command_set_path("tui", argc - optind, argv + optind, &q->path);
}

static int no_terminal(void)
{
	fputs("memwhy: tui: this is no terminal that can be drawn on; memwhy report prints the summary\n", stderr);
	return EXIT_NO_TERMINAL;
}

static int show(const void *request, const char *path)
{
	const struct request *q = request;
	struct tui_view v;
	char error[TUI_ERROR];
	int number = 0;
	if (tui_view_init(&v, path, q->pid, error)) {
		fprintf(stderr, "memwhy: %s\n", error);
		return EXIT_MEMWHY;
	}
	int result = shell_run(&v, &number);
	tui_view_finish(&v);
	if (number) {
		/* as a program does that catches nothing */
		signal(number, SIG_DFL);
		raise(number);
	}
	if (result == -ENOTTY)
		return no_terminal();
	if (result)
		fprintf(stderr, "memwhy: tui: %s\n", result == -EIO ? "the terminal went away" : strerror(-result));
	return result ? EXIT_MEMWHY : 0;
}

static int run_tui(int argc, char **argv)
{
	struct request q = { 0, NULL };
	int r = parse(&q, argc, argv);
	if (!r && !shell_can_run())
		return no_terminal();
	return command_on_recording(r, q.path, show, &q);
}

const struct command cmd_tui = {
	.name = "tui",
	.usage = "[--pid PID] [RECORDING]",
	.summary = "a recording on the terminal: timeline, why, stacks, map",
	.run = run_tui,
};
