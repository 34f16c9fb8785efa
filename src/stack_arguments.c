/* SPDX-License-Identifier: MIT */
/* Options about stacks; see stack_arguments.h. */
#include "stack_arguments.h"
#include "command_recording.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const group_names[STACK_GROUPS] = { "function", "file", "module", "stack" };

int stack_argument_complain(const struct stack_arguments *a, const char *what, const char *value, const char *advice)
{
	return command_complain(a->command, what, value, advice);
}

int stack_argument_by(struct stack_arguments *a, const char *text)
{
	int by = stack_by_from_name(text);
	if (!strcmp(text, "temporary"))
		return stack_argument_complain(a, "cannot rank --by", text,
				"short-lived blocks are not told apart in a recording; --by total has all that was allocated");
	if (by < 0)
		return stack_argument_complain(a, "unknown --by", text, "use live, pinned, peak, total, rounding or dirty");
	a->query.by = by;
	return 0;
}

int stack_argument_at(struct stack_arguments *a, const char *text)
{
	a->at_given = true;
	for (enum report_moment at = 0; at < REPORT_AT_TIME; at++)
		if (!strcmp(text, report_moment_name(at))) {
			a->query.report.at = at;
			return 0;
		}
	a->query.report.at = REPORT_AT_TIME;
	if (!report_parse_time(text, &a->query.report.at_ns))
		return 0;
	return stack_argument_complain(a, "bad --at", text, "use peak, live-peak, exit, or a time as 0.4, 200ms or 3m");
}

int stack_argument_number(const struct stack_arguments *a, const char *option, const char *text, long max, int *ret_number)
{
	char *end, what[64], advice[64];
	errno = 0;
	long value = strtol(text, &end, 10);
	if (!errno && end != text && !*end && value >= 1 && value <= max) {
		*ret_number = (int)value;
		return 0;
	}
	snprintf(what, sizeof what, "bad %s", option);
	snprintf(advice, sizeof advice, "use a number from 1 to %ld", max);
	return stack_argument_complain(a, what, text, advice);
}

int stack_argument_pid(struct stack_arguments *a, const char *text)
{
	int pid = 0, r = stack_argument_number(a, "--pid", text, INT_MAX, &pid);
	a->query.report.pid = pid;
	return r;
}

int stack_argument_group(struct stack_arguments *a, const char *text)
{
	for (enum stack_group g = 0; g < STACK_GROUPS; g++)
		if (!strcmp(text, group_names[g])) {
			a->group = g;
			return 0;
		}
	return stack_argument_complain(a, "unknown --group", text, "use function, file, module or stack");
}

int stack_arguments_check(const struct stack_arguments *a)
{
	if (!a->at_given || (a->query.by != STACK_BY_PEAK && !stack_by_infos[a->query.by].of_run))
		return 0;
	return stack_argument_complain(a, "--at does not go with --by", stack_by_infos[a->query.by].name,
		a->query.by == STACK_BY_PEAK ? "it is of the live peak; --by live --at MOMENT is of another"
					     : "it is of the whole run");
}

void stack_arguments_print_help(FILE *out)
{
	fputs("  --by FIGURE            which bytes are counted; live if not given\n", out);
	for (int by = 0; by < STACK_BYS; by++)
		fprintf(out, "      %-18s %s\n", stack_by_infos[by].name, stack_by_infos[by].meaning);
	fputs("  --at MOMENT            peak (default), live-peak, exit, or a TIME since the start\n"
	      "                         (0.4, 200ms, 3m): the nearest snapshot\n"
	      "  --pid PID              another process of the run than the largest\n", out);
}
