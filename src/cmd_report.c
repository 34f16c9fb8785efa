/* SPDX-License-Identifier: MIT */
/* memwhy report [RECORDING]: the summary again, at another moment, or as JSON. */
#include "command.h"
#include "command_report.h"
#include "ledger.h"

#include <stdio.h>
#include <string.h>

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

static bool set_moment(struct report_options *o, const char *text)
{
	static const char *const names[] = { "peak", "live-peak", "exit" };
	for (int i = 0; i < REPORT_AT_TIME; i++)
		if (!strcmp(text, names[i])) {
			o->at = i;
			return true;
		}
	o->at = REPORT_AT_TIME;
	return report_parse_time(text, &o->at_ns) == 0;
}

static int run_report(int argc, char **argv)
{
	static const struct command_report report = {
		.name = "report", .what = "the report", .text = report_print_summary, .json = report_print_json,
		.set_moment = set_moment, .moments = "use peak, live-peak, exit, or a time as 0.4, 200ms or 3m",
		.print_help = print_help,
	};
	return command_report_run(&report, argc, argv);
}

const struct command cmd_report = {
	.name = "report",
	.usage = "[--at peak|live-peak|exit|TIME] [--pid PID] [--format text|json] [-v] [RECORDING]",
	.summary = "the summary of a recording again",
	.run = run_report,
};
