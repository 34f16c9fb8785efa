/* SPDX-License-Identifier: MIT */
/* memwhy why [RECORDING]: every finding of the verdict, with its evidence, or as JSON. */
#include "command.h"
#include "command_report.h"
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

static void print_help(void)
{
	printf("usage: memwhy why %s\n\n%s", cmd_why.usage,
	       "Why the process with the largest resident peak is bigger than its data, and what\n"
	       "would give it back; without RECORDING, of the last one.\n\n"
	       "  --at MOMENT      peak (default) or exit: what comes first\n"
	       "  --pid PID        another process of the run\n"
	       "  --format FORMAT  text (default) or json\n"
	       "  -v, --verbose    with the evidence of each finding\n"
	       "  --help           this\n\n"
	       "What is looked for (memwhy-why(1)):\n");
	for (size_t i = 0; rules[i]; i++)
		printf("  %-24s %s\n", rules[i]->id, rules[i]->question);
}

static bool set_moment(struct report_options *o, const char *text)
{
	o->at = !strcmp(text, "exit") ? REPORT_AT_EXIT : REPORT_AT_PEAK;
	return o->at == REPORT_AT_EXIT || !strcmp(text, "peak");
}

static int run_why(int argc, char **argv)
{
	static const struct command_report why = {
		.name = "why", .what = "the verdict", .text = report_print_why, .json = report_print_why_json,
		.set_moment = set_moment, .moments = "use peak or exit", .print_help = print_help,
	};
	return command_report_run(&why, argc, argv);
}

const struct command cmd_why = {
	.name = "why",
	.usage = "[--at peak|exit] [--pid PID] [--format text|json] [-v] [RECORDING]",
	.summary = "why it is bigger than its data, and what would give it back",
	.run = run_why,
};
