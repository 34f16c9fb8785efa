/* SPDX-License-Identifier: MIT */
/* What run, report and their options share; see report.h. */
#include "report.h"

#include "recording.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int report_summary(const char *recording_path, FILE *out, int verbose)
{
	struct report_options options = REPORT_OPTIONS_DEFAULT;
	struct recording *r;
	char error[512];
	options.verbose = verbose;
	int result = recording_open(recording_path, &r, error, sizeof error);
	if (result) {
		fprintf(stderr, "memwhy: %s\n", error);
		return result;
	}
	result = report_print_summary(r, &options, out);
	if (result)
		fprintf(stderr, "memwhy: %s\n", report_error_text(r, result));
	recording_close(r);
	return result;
}

const char *report_error_text(const struct recording *r, int result)
{
	if (*recording_error(r))
		return recording_error(r);
	switch (result) {
	case -ESRCH: return "the recording has no process of that pid";
	case -ENODATA: return "the recording is empty: no process was recorded";
	default: return strerror(-result);
	}
}

int report_parse_time(const char *text, int64_t *ret_ns)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 }, { "m", 60e9 },
		{ "min", 60e9 }, { "h", 3600e9 },
	};
	/* strtod would take blanks, signs, "inf" and hexadecimal */
	size_t digits = strspn(text, "0123456789."), n = sizeof units / sizeof *units, i = 0;
	char number[32], *end;
	if (!digits || digits >= sizeof number)
		return -EINVAL;
	memcpy(number, text, digits);
	number[digits] = 0;
	double value = strtod(number, &end);
	while (i < n && strcmp(text + digits, units[i].unit))
		i++;
	if (*end || end == number || i == n)
		return -EINVAL;
	value *= units[i].ns;
	if (!isfinite(value) || value >= 9e18)
		return -ERANGE;
	*ret_ns = (int64_t)value;
	return 0;
}
