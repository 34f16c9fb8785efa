/* SPDX-License-Identifier: MIT */
/* The options of memwhy run, and its help; see run_arguments.h. */
#include "run_arguments.h"

#include "command.h"
#include "ledger.h"
#include "report.h"
#include "version.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int run_complain(int status, const char *format, ...)
{
	char line[PATH_MAX + 512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	fprintf(stderr, "memwhy: %s\n", line);
	return status;
}

#define STACKS_MEAN_MAX_BYTES (1024ull << 30)

enum {
	OPT_FORCE = 256, OPT_CSV, OPT_NO_FOLLOW, OPT_NO_PROBE, OPT_IDENTIFY, OPT_NO_IDENTIFY, OPT_HOLD, OPT_STACKS, OPT_EVERY,
	OPT_SNAPSHOT_EVERY, OPT_UNTIL, OPT_NO_PURGE, OPT_HELP, OPT_VERSION
};
static const struct option long_options[];
static const char *const hold_names[RUN_HOLDS];
static const char *const identify_names[];
static const char *const stacks_names[];
static const char help_text[];

static int print_help(void)
{
	puts(help_text);
	puts("The terms, in bytes; those marked + add up to resident:");
	for (int t = 0; t < LEDGER_TERMS; t++) {
		const struct ledger_term_info *i = &ledger_term_infos[t];
		printf("  %c %-24s %s\n", i->kind == LEDGER_SUM ? '+' : ' ', i->name, i->meaning);
	}
	return fflush(stdout) == 0 ? 0 : run_complain(EXIT_MEMWHY, "cannot write to standard output");
}

static int parse_hold(const char *text, enum run_hold *ret_hold)
{
	for (int i = 0; i < RUN_HOLDS; i++)
		if (!strcmp(hold_names[i], text)) {
			*ret_hold = (enum run_hold)i;
			return -1;
		}
	return run_complain(EXIT_USAGE, "--hold takes soft, stop or none, not '%s'", text);
}

static int parse_identify(const char *text, enum identify_mode *ret_mode)
{
	for (int i = IDENTIFY_OFF; i <= IDENTIFY_ALL; i++)
		if (!strcmp(identify_names[i], text)) {
			*ret_mode = (enum identify_mode)i;
			return -1;
		}
	return run_complain(EXIT_USAGE, "--identify takes all, symbols or off, not '%s'", text);
}

/* A number with K, M or G, or without; -1: the whole text is none, or it is out of bounds. */
static int parse_mean(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMG";
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno || *text < '0' || *text > '9' || end[unit != NULL] || n < 1 || n > STACKS_MEAN_MAX_BYTES >> shift)
		return -1;
	*ret_bytes = n << shift;
	return 0;
}

static int parse_stacks(const char *text, struct run_stacks *ret_stacks)
{
	static const char with_mean[] = "sampled:";
	struct run_stacks s = { WIRE_STACKS_SAMPLED, RUN_STACKS_MEAN_BYTES };
	if (!strncmp(text, with_mean, strlen(with_mean))) {
		if (parse_mean(text + strlen(with_mean), &s.mean_bytes) != 0)
			return run_complain(EXIT_USAGE, "--stacks=sampled:BYTES takes 1 to 1024G bytes, such as 512K, not '%s'", text + strlen(with_mean));
		*ret_stacks = s;
		return -1;
	}
	for (int i = WIRE_STACKS_NONE; i <= WIRE_STACKS_ALL; i++)
		if (!strcmp(stacks_names[i], text)) {
			s.mode = (enum wire_stack_mode)i;
			*ret_stacks = s;
			return -1;
		}
	return run_complain(EXIT_USAGE, "--stacks takes none, sampled, sampled:BYTES or all, not '%s'", text);
}

static int parse_interval(const char *option, const char *text, int64_t min_ns, const char *range, int64_t *ret_ns)
{
	int64_t ns;
	if (report_parse_time(text, &ns) != 0 || ns < min_ns || ns > 3600000000000)
		return run_complain(EXIT_USAGE, "%s takes a time from %s, not '%s'", option, range, text);
	*ret_ns = ns;
	return -1;
}

static int parse_until(const char *text, struct run_arguments *a)
{
	if (run_until_parse(text, &a->until) != 0)
		return run_complain(EXIT_USAGE, "--until takes a time such as 90s, rss=SIZE or live=SIZE such as rss=512M, not '%s'", text);
	a->until_text = text;
	return -1;
}

/* -1: go on; else the exit status. */
static int take_option(struct run_arguments *a, int option, char *const *argv)
{
	switch (option) {
	case 'o': a->output = optarg; return -1;
	case 'q': a->quiet = true; return -1;
	case 'v': a->verbose++; return -1;
	case OPT_FORCE: a->force = true; return -1;
	case OPT_CSV: a->csv = optarg; return -1;
	case OPT_NO_FOLLOW: a->follow = false; return -1;
	case OPT_NO_PROBE: a->probe = false; return -1;
	case OPT_IDENTIFY: return parse_identify(optarg, &a->identify);
	case OPT_NO_IDENTIFY: a->identify = IDENTIFY_OFF; return -1;
	case OPT_HOLD: return parse_hold(optarg, &a->hold);
	case OPT_STACKS: return parse_stacks(optarg, &a->stacks);
	case OPT_EVERY: return parse_interval("--every", optarg, 100000, "100us to 1h, such as 5ms", &a->every_ns);
	case OPT_SNAPSHOT_EVERY:
		return parse_interval("--snapshot-every", optarg, 10000000, "10ms to 1h, such as 10s", &a->snapshot_every_ns);
	case OPT_UNTIL: return parse_until(optarg, a);
	case OPT_NO_PURGE: a->purge = false; return -1;
	case 'h': case OPT_HELP: return print_help();
	case 'V': case OPT_VERSION: version_print(stdout); return 0;
	case ':': return run_complain(EXIT_USAGE, "option %s needs a value; see memwhy run --help", argv[optind - 1]);
	default: break;
	}
	if (optopt > 0 && optopt < 256)
		return run_complain(EXIT_USAGE, "unknown option -%c; see memwhy run --help", optopt);
	return run_complain(EXIT_USAGE, "unknown option %s; see memwhy run --help", argv[optind - 1]);
}

int run_arguments_parse(int argc, char **argv, struct run_arguments *ret_arguments)
{
	struct run_arguments *a = ret_arguments;
	*a = (struct run_arguments){
		.follow = true, .probe = true, .identify = IDENTIFY_ALL, .purge = true,
		.stacks = { RUN_STACKS_DEFAULT, RUN_STACKS_MEAN_BYTES },
	};
	int option, status;
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:ho:qvV", long_options, NULL)) != -1)
		if ((status = take_option(a, option, argv)) >= 0)
			return status;
	if (!argv[optind] || !*argv[optind])
		return run_complain(EXIT_USAGE, "nothing to run; try memwhy -- COMMAND, or memwhy run --help");
	a->command = argv + optind;
	return -1;
}

static void describe_stacks(FILE *f, const struct run_stacks *s)
{
	if (s->mode == WIRE_STACKS_SAMPLED)
		fprintf(f, " --stacks=sampled:%llu", (unsigned long long)s->mean_bytes);
	else
		fprintf(f, " --stacks=%s", stacks_names[s->mode]);
}

static void describe_interval(FILE *f, const char *option, int64_t ns)
{
	if (ns)
		fprintf(f, " %s=%lldus", option, (long long)(ns / 1000));
}

void run_arguments_describe(const struct run_arguments *a, char *ret_line, size_t size)
{
	FILE *f = fmemopen(ret_line, size, "w");
	if (!f)
		return;
	fprintf(f, "--hold=%s%s%s", hold_names[a->hold], a->follow ? "" : " --no-follow", a->probe ? "" : " --no-probe");
	if (a->identify != IDENTIFY_ALL)
		fprintf(f, " --identify=%s", identify_names[a->identify]);
	if (a->stacks.mode != RUN_STACKS_DEFAULT)
		describe_stacks(f, &a->stacks);
	describe_interval(f, "--every", a->every_ns);
	describe_interval(f, "--snapshot-every", a->snapshot_every_ns);
	if (a->until_text)
		fprintf(f, " --until=%.40s", a->until_text);
	if (!a->purge)
		fputs(" --no-purge", f);
	fclose(f);
}

static const char *const hold_names[RUN_HOLDS] = { "soft", "stop", "none" };
static const char *const identify_names[] = {
	[IDENTIFY_OFF] = "off", [IDENTIFY_SYMBOLS] = "symbols", [IDENTIFY_ALL] = "all",
};
static const char *const stacks_names[] = {
	[WIRE_STACKS_NONE] = "none", [WIRE_STACKS_SAMPLED] = "sampled", [WIRE_STACKS_ALL] = "all",
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "csv", required_argument, NULL, OPT_CSV },
	{ "no-follow", no_argument, NULL, OPT_NO_FOLLOW },
	{ "no-probe", no_argument, NULL, OPT_NO_PROBE },
	{ "identify", required_argument, NULL, OPT_IDENTIFY },
	{ "no-identify", no_argument, NULL, OPT_NO_IDENTIFY },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "stacks", required_argument, NULL, OPT_STACKS },
	{ "every", required_argument, NULL, OPT_EVERY },
	{ "snapshot-every", required_argument, NULL, OPT_SNAPSHOT_EVERY },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "no-purge", no_argument, NULL, OPT_NO_PURGE },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};

static const char help_text[] =
	"usage: memwhy [run] [OPTIONS] -- COMMAND [ARG...]\n\n"
	"Runs COMMAND, records it and its children, and when it has ended prints a summary\n"
	"on standard error. Ends as COMMAND did.\n\n"
	"  -o, --output FILE  the recording; %p: memwhy's process id, %n: COMMAND's name\n"
	"      --force        overwrite FILE (and --csv's)\n"
	"      --csv FILE|-   write the samples as CSV when the run has ended\n"
	"      --no-follow    the launched process only, not its children\n"
	"      --no-probe     preload nothing: pages only, live unknown\n"
	"      --identify HOW find an allocator that is linked into the program: all\n"
	"                     (by its names, else by its behaviour), symbols, off\n"
	"      --no-identify  the same as --identify=off\n"
	"      --hold HOW     while a snapshot is taken: soft (allocations wait), stop\n"
	"                     (SIGSTOP), none\n"
	"      --stacks HOW   call stacks of allocations: none, sampled[:BYTES] (one in\n"
	"                     so many bytes on average; 512K), all\n"
	"      --every TIME   a fixed interval between samples, such as 5ms\n"
	"      --snapshot-every TIME\n"
	"                     a full snapshot at least this often, such as 10s\n"
	"      --until TIME|rss=SIZE|live=SIZE\n"
	"                     end the recording then and report; COMMAND runs on\n"
	"      --no-purge     don't ask the allocator, before COMMAND exits, to give back\n"
	"                     what it can\n"
	"  -q, --quiet        no summary\n"
	"  -v, --verbose      every term and every process\n"
	"      --help, --version\n";
