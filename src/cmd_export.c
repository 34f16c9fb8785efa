/* SPDX-License-Identifier: MIT */
/* memwhy export FORMAT [RECORDING]: a recording for other programs. */
#include "command.h"
#include "export/export.h"
#include "ledger.h"
#include "recording.h"
#include "command_recording.h"
#include "stack_arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
	const struct export_format *format;
	struct stack_arguments stacks;
	const char *table, *output, *path; /* NULL: the first, standard output, the last */
	bool force;
};

enum { OPTION_TABLE = 256, OPTION_FORCE, OPTION_BY, OPTION_AT, OPTION_PID, OPTION_HELP };

static const struct option long_options[] = {
	{ "table", required_argument, NULL, OPTION_TABLE },
	{ "output", required_argument, NULL, 'o' },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "by", required_argument, NULL, OPTION_BY },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	printf("usage: memwhy export %s\n\nFormats:\n", cmd_export.usage);
	for (size_t i = 0; export_formats[i]; i++) {
		printf("  %-10s %s%s", export_formats[i]->name, export_formats[i]->summary, *export_formats[i]->tables ? "; tables:" : "");
		for (const char *const *t = export_formats[i]->tables; *t; t++)
			printf(" %s", *t);
		putchar('\n');
	}
	fputs("\n  --table TABLE       which table; the first one if not given\n"
	      "  -o, --output FILE   instead of standard output; an existing file needs --force\n"
	      "  --force             overwrite it\n"
	      "  --help              this\n\n"
	      "For call stacks (the table stacks, and the other formats):\n\n", stdout);
	stack_arguments_print_help(stdout);
	fputs("\nWithout RECORDING, the last one. Columns of samples and ledger: time_ns, pid, trigger,\n"
	      "each term below with _bytes (memwhy-ledger(7)), allocations, frees, unknown_frees,\n"
	      "unknown_reallocs, double_allocations. A figure that could not be had is empty.\n\n", stdout);
	for (int t = 0; t < LEDGER_TERMS; t++)
		printf("  %-24s %s\n", ledger_term_infos[t].name, ledger_term_infos[t].meaning);
}

static int check_table(const struct request *q)
{
	char names[256] = "";
	if (!q->table)
		return 0;
	if (!*q->format->tables)
		return command_complain("export", "no such table", q->table, "the format has none");
	for (const char *const *t = q->format->tables; *t; t++) {
		if (!strcmp(*t, q->table))
			return 0;
		size_t n = strlen(names);
		snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "use one of: ", *t);
	}
	return command_complain("export", "no such table", q->table, names);
}

static int set_operands(struct request *q, int count, char **operands)
{
	if (!count) {
		fprintf(stderr, "memwhy: export: which format? Usage: memwhy export %s\n", cmd_export.usage);
		return EXIT_USAGE;
	}
	q->format = export_format_by_name(operands[0]);
	if (!q->format)
		return command_complain("export", "unknown format", operands[0], "memwhy export --help lists them");
	if (count > 2)
		return command_complain("export", "too many arguments at", operands[2], "one recording at a time");
	q->path = operands[1];
	return check_table(q);
}

/* 0, an exit status, or -1 for "help was printed". */
static int parse(struct request *q, int argc, char **argv)
{
	int c, r = 0;
	optind = 0; /* glibc: start over, other commands may have parsed already */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_TABLE: q->table = optarg; break;
		case 'o': q->output = optarg; break;
		case OPTION_FORCE: q->force = true; break;
		case OPTION_BY: r = stack_argument_by(&q->stacks, optarg); break;
		case OPTION_AT: r = stack_argument_at(&q->stacks, optarg); break;
		case OPTION_PID: r = stack_argument_pid(&q->stacks, optarg); break;
		case OPTION_HELP: print_help(); return -1;
		default: return command_bad_option("export", c, argv[optind - 1]);
		}
	if (!r)
		r = stack_arguments_check(&q->stacks);
	return r ? r : set_operands(q, argc - optind, argv + optind);
}

/* The recording itself must not be what --force overwrites. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static FILE *open_output(const struct request *q, const char *path)
{
	if (!q->output || !strcmp(q->output, "-"))
		return stdout;
	if (is_same_file(q->output, path)) {
		fprintf(stderr, "memwhy: %s is the recording itself; name another file\n", q->output);
		return NULL;
	}
	int fd = open(q->output, O_WRONLY | O_CREAT | O_CLOEXEC | (q->force ? O_TRUNC : O_EXCL), 0666);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		fprintf(stderr, "memwhy: cannot write %s: %s%s\n", q->output, strerror(errno),
			errno == EEXIST ? "; --force overwrites it" : "");
	return out;
}

static int write_out(const struct request *q, struct recording *r, FILE *out)
{
	int result = q->format->write(r, &(struct export_options){ q->table, q->stacks.query }, out);
	bool bad = *recording_error(r);
	if (out != stdout && fclose(out) && !result)
		result = -errno;
	/* a reader that has seen enough ("| head") is no failure worth a word */
	if (result && (bad || result != -EPIPE))
		fprintf(stderr, "memwhy: %s%s\n", bad ? "" : "export: ", export_error_text(r, result));
	if (result && out != stdout && !q->force)
		unlink(q->output); /* it was made for this */
	return result ? EXIT_MEMWHY : 0;
}

static int export_recording(const void *request, const char *path)
{
	const struct request *q = request;
	struct recording *r = command_recording_open(path);
	if (!r)
		return EXIT_MEMWHY;
	FILE *out = open_output(q, path);
	int result = out ? write_out(q, r, out) : EXIT_MEMWHY;
	recording_close(r);
	return result;
}

static int run_export(int argc, char **argv)
{
	struct request q = { .stacks = { "export", STACK_QUERY_DEFAULT, false, STACK_GROUP_FUNCTION } };
	int r = parse(&q, argc, argv);
	return command_on_recording(r, q.path, export_recording, &q);
}

const struct command cmd_export = {
	.name = "export",
	.usage = "FORMAT [--table TABLE] [--by FIGURE] [--at MOMENT] [-o FILE [--force]] [RECORDING]",
	.summary = "a recording for other programs: CSV, pprof, flame graphs",
	.run = run_export,
};
