/* SPDX-License-Identifier: MIT */
/*
 * memwhy run: options, then in this order, so that nothing is started in vain: the
 * command is found, the probe, the recording and the CSV file are opened, the target
 * runs, and when it has ended the summary comes and memwhy ends as the target did.
 */
#include "command.h"
#include "export/export.h"
#include "launch.h"
#include "ledger.h"
#include "recording_path.h"
#include "recording_symbols.h"
#include "report.h"
#include "run.h"
#include "run_plans.h"
#include "store.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct run_arguments {
	const char *output, *csv;
	bool force, quiet;
	int verbose;
	bool follow, probe;
	enum run_hold hold;
	enum identify_mode identify;
	struct run_stacks stacks;
	int64_t every_ns, snapshot_every_ns;
	bool purge;
	struct run_until_limit until;
	const char *until_text;
	char *const *command;
};
/* What is open while the target runs. */
struct run_files {
	char recording[PATH_MAX];
	char temporary[64]; /* its folder, when the recording is not to be kept */
	struct store *store;
	FILE *csv;
};

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int complain(int status, const char *format, ...)
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

/* ---- options ---------------------------------------------------------------------- */

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
	return fflush(stdout) == 0 ? 0 : complain(EXIT_MEMWHY, "cannot write to standard output");
}

static int parse_hold(const char *text, enum run_hold *ret_hold)
{
	for (int i = 0; i < RUN_HOLDS; i++)
		if (!strcmp(hold_names[i], text)) {
			*ret_hold = (enum run_hold)i;
			return -1;
		}
	return complain(EXIT_USAGE, "--hold takes soft, stop or none, not '%s'", text);
}

static int parse_identify(const char *text, enum identify_mode *ret_mode)
{
	for (int i = IDENTIFY_OFF; i <= IDENTIFY_ALL; i++)
		if (!strcmp(identify_names[i], text)) {
			*ret_mode = (enum identify_mode)i;
			return -1;
		}
	return complain(EXIT_USAGE, "--identify takes all, symbols or off, not '%s'", text);
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
			return complain(EXIT_USAGE, "--stacks=sampled:BYTES takes 1 to 1024G bytes, such as 512K, not '%s'", text + strlen(with_mean));
		*ret_stacks = s;
		return -1;
	}
	for (int i = WIRE_STACKS_NONE; i <= WIRE_STACKS_ALL; i++)
		if (!strcmp(stacks_names[i], text)) {
			s.mode = (enum wire_stack_mode)i;
			*ret_stacks = s;
			return -1;
		}
	return complain(EXIT_USAGE, "--stacks takes none, sampled, sampled:BYTES or all, not '%s'", text);
}

static int parse_interval(const char *option, const char *text, int64_t min_ns, const char *range, int64_t *ret_ns)
{
	int64_t ns;
	if (report_parse_time(text, &ns) != 0 || ns < min_ns || ns > 3600000000000)
		return complain(EXIT_USAGE, "%s takes a time from %s, not '%s'", option, range, text);
	*ret_ns = ns;
	return -1;
}

static int parse_until(const char *text, struct run_arguments *a)
{
	if (run_until_parse(text, &a->until) != 0)
		return complain(EXIT_USAGE, "--until takes a time such as 90s, rss=SIZE or live=SIZE such as rss=512M, not '%s'", text);
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
	case ':': return complain(EXIT_USAGE, "option %s needs a value; see memwhy run --help", argv[optind - 1]);
	default: break;
	}
	if (optopt > 0 && optopt < 256)
		return complain(EXIT_USAGE, "unknown option -%c; see memwhy run --help", optopt);
	return complain(EXIT_USAGE, "unknown option %s; see memwhy run --help", argv[optind - 1]);
}

static int parse_arguments(int argc, char **argv, struct run_arguments *a)
{
	int option, status;
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:ho:qvV", long_options, NULL)) != -1)
		if ((status = take_option(a, option, argv)) >= 0)
			return status;
	if (!argv[optind] || !*argv[optind])
		return complain(EXIT_USAGE, "nothing to run; try memwhy -- COMMAND, or memwhy run --help");
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

/* One line for the recording. */
static void describe_options(const struct run_arguments *a, char *ret_line, size_t size)
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

/* ---- files ---------------------------------------------------------------------------- */

static int explain_recording(const char *path, int error)
{
	if (error == -EEXIST)
		return complain(EXIT_MEMWHY, "%s exists; --force overwrites it, or choose another with -o", path);
	return complain(EXIT_MEMWHY, "cannot write the recording %s: %s; choose another place with -o FILE", path, strerror(-error));
}

static int open_chosen(const struct run_arguments *a, struct run_files *f)
{
	int error = recording_path_expand(a->output, a->command[0], f->recording, sizeof f->recording);
	if (error == -EINVAL)
		return complain(EXIT_USAGE, "-o %s: only %%p, %%n and %%%% mean something after a percent sign", a->output);
	if (error)
		return complain(EXIT_MEMWHY, "-o %s: %s", a->output, strerror(-error));
	error = store_create(f->recording, a->force, &f->store);
	return error ? explain_recording(f->recording, error) : -1;
}

/* No place of one's own to write to shall not stop a person from seeing the summary. */
static int open_temporary(struct run_files *f, int why)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(f->temporary, sizeof f->temporary, "%s/memwhy-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (n >= (int)sizeof f->temporary || !mkdtemp(f->temporary)) {
		f->temporary[0] = 0;
		return complain(EXIT_MEMWHY, "cannot write a recording to the default folder (%s) nor a temporary one (%s); choose a place with -o FILE",
				strerror(-why), strerror(errno));
	}
	snprintf(f->recording, sizeof f->recording, "%s/recording" RECORDING_SUFFIX, f->temporary);
	int error = store_create(f->recording, false, &f->store);
	if (error)
		return explain_recording(f->recording, error);
	complain(0, "the recording will not be kept, its folder cannot be written (%s); -o FILE keeps it", strerror(-why));
	return -1;
}

static int open_recording(const struct run_arguments *a, struct run_files *f)
{
	if (a->output)
		return open_chosen(a, f);
	int error = recording_path_default(a->command[0], f->recording, sizeof f->recording);
	if (!error)
		error = store_create(f->recording, false, &f->store);
	if (error)
		return open_temporary(f, error);
	recording_path_rotate();
	return -1;
}

static int open_csv(const struct run_arguments *a, struct run_files *f)
{
	if (!a->csv || !strcmp(a->csv, "-")) {
		f->csv = a->csv ? stdout : NULL;
		return -1;
	}
	int fd = open(a->csv, O_WRONLY | O_CREAT | O_CLOEXEC | (a->force ? O_TRUNC : O_EXCL), 0666);
	f->csv = fd < 0 ? NULL : fdopen(fd, "w");
	if (f->csv)
		return -1;
	return complain(EXIT_MEMWHY, "cannot write %s: %s%s", a->csv, strerror(errno), errno == EEXIST ? "; --force overwrites it" : "");
}

static void discard_recording(struct run_files *f)
{
	char error[256];
	if (f->store)
		store_close(f->store, error, sizeof error);
	f->store = NULL;
	unlink(f->recording);
}

static void close_files(struct run_files *f)
{
	if (f->temporary[0]) {
		unlink(f->recording);
		rmdir(f->temporary);
	}
	if (f->csv && f->csv != stdout)
		fclose(f->csv);
}

/* ---- the recording is complete ------------------------------------------------------------ */

static int close_store(struct run_files *f)
{
	char error[512] = "";
	int result = store_close(f->store, error, sizeof error);
	if (result != 0)
		complain(0, "the recording is not complete: %s", error);
	f->store = NULL;
	return result;
}

/* The files are still what was loaded; what takes too long is left for memwhy symbolize. */
static void add_symbols(const struct run_arguments *a, struct run_files *f)
{
	struct recording_symbols_options options = { .limit_ns = 10000000000u };
	struct recording_symbols_result result;
	char text[2 * PATH_MAX + 512];
	int error = recording_symbols_guarded(f->recording, &options, &result, text, sizeof text);
	if (error && error != -ENODATA)
		complain(0, "%s", text);
	else if (!error && !a->quiet && recording_symbols_complaint(&result, text, sizeof text))
		complain(0, "%s", text);
}

static void report(const struct run_arguments *a, struct run_files *f, const struct run_result *result)
{
	if (result->not_followed)
		complain(0, "%u processes were not followed: too many at once for memwhy, or for ulimit -n or -f", result->not_followed);
	if (!f->temporary[0])
		recording_path_remember(f->recording);
	if (!a->quiet)
		report_summary(f->recording, stderr, a->verbose);
	if (f->csv && export_csv_table(f->recording, NULL, f->csv) == 0 && fflush(f->csv) != 0)
		complain(0, "cannot write the CSV: %s", strerror(errno));
}

static int explain_launch(const struct launch_command *c, int error)
{
	char why[PATH_MAX];
	int status = launch_explain(c, error, why, sizeof why);
	return complain(status, "%s: %s", c->argv[0], why);
}

struct recorded { const struct run_arguments *a; struct run_files *f; };

/* A run_options.recorded. */
static void show(void *arg, const struct run_result *result)
{
	struct recorded *r = arg;
	if (close_store(r->f) == 0)
		add_symbols(r->a, r->f);
	if (result->no_limit)
		complain(0, "--until was left out: no thread could be had for it");
	report(r->a, r->f, result);
}

static int run_recorded(const struct run_arguments *a, struct run_options *options, struct run_files *f,
			int *ret_signal)
{
	struct run_result result;
	struct recorded recorded = { a, f };
	options->recorded = show;
	options->recorded_arg = &recorded;
	if (options->probe_path)
		run_plans_create(a->identify, options->probe_path, a->quiet, &options->plans);
	int error = run_target(options, f->store, &result);
	run_plans_destroy(options->plans);
	if (error || result.launch_errno) {
		discard_recording(f);
		return error ? complain(EXIT_MEMWHY, "cannot follow a program here: %s", strerror(-error))
			     : explain_launch(options->command, result.launch_errno);
	}
	if (WIFSIGNALED(result.wait_status))
		*ret_signal = WTERMSIG(result.wait_status);
	return WEXITSTATUS(result.wait_status);
}

/* -1, or the exit status. */
static int choose_probe(const struct run_arguments *a, struct run_options *o, char *path, size_t size)
{
	o->why_no_probe = a->probe ? exec_kind_clause(&o->command->kind) : "no probe was asked for (--no-probe)";
	if (*o->why_no_probe)
		return -1;
	int error = launch_find_probe(path, size);
	if (error == -ENOENT)
		return complain(EXIT_MEMWHY, "the probe %s is missing; install memwhy again, name it in MEMWHY_PROBE_LIB, or use --no-probe", path);
	if (error)
		return complain(EXIT_MEMWHY, "the probe %s cannot be preloaded: its path has a blank or a colon; name a copy in MEMWHY_PROBE_LIB", path);
	o->probe_path = path;
	return -1;
}

static int run(int argc, char **argv)
{
	struct run_arguments a = {
		.follow = true, .probe = true, .identify = IDENTIFY_ALL, .purge = true,
		.stacks = { RUN_STACKS_DEFAULT, RUN_STACKS_MEAN_BYTES },
	};
	struct run_files f = { .store = NULL };
	struct launch_command command;
	char line[256] = "", probe[PATH_MAX + 64];
	int signal_number = 0, status = parse_arguments(argc, argv, &a);
	if (status >= 0)
		return status;
	launch_begin();
	int error = launch_find(a.command, &command);
	if (error)
		return explain_launch(&command, -error);
	describe_options(&a, line, sizeof line);
	struct run_options o = {
		.command = &command, .follow = a.follow, .hold = a.hold, .stacks = a.stacks,
		.every_ns = (uint64_t)a.every_ns, .snapshot_every_ns = (uint64_t)a.snapshot_every_ns,
		.until = a.until, .purge_at_exit = a.purge, .options_line = line,
	};
	if ((status = choose_probe(&a, &o, probe, sizeof probe)) < 0 && (status = open_csv(&a, &f)) < 0 &&
	    (status = open_recording(&a, &f)) < 0)
		status = run_recorded(&a, &o, &f, &signal_number);
	close_files(&f);
	if (signal_number)
		launch_die_of(signal_number);
	return status;
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

const struct command cmd_run = {
	.name = "run",
	.usage = "[OPTIONS] -- COMMAND [ARG...]",
	.summary = "run a program, record it, say why it is that big (the default)",
	.run = run,
};
