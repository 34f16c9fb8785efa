/* SPDX-License-Identifier: MIT */
/* What --until takes; see run_until.h. */
#include "run_until.h"

#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIZE_LARGEST (1ll << 50)

static int parse_size(const char *text, int64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (end == text || errno || !(value > 0))
		return -EINVAL;
	const char *unit = *end ? strchr(units, *end >= 'a' ? *end - 32 : *end) : NULL;
	if (unit && *unit) {
		value *= (double)(1ll << 10 * (unit - units + 1));
		end++;
	}
	if (*end && strcasecmp(end, "b") != 0 && strcasecmp(end, "ib") != 0)
		return -EINVAL;
	if (value < 1 || value > (double)SIZE_LARGEST)
		return -EINVAL;
	*ret_bytes = (int64_t)value;
	return 0;
}

int run_until_parse(const char *text, struct run_until_limit *ret_limit)
{
	struct run_until_limit l = { 0, 0, 0 };
	int error;
	if (!strncmp(text, "rss=", 4))
		error = parse_size(text + 4, &l.rss_bytes);
	else if (!strncmp(text, "live=", 5))
		error = parse_size(text + 5, &l.live_bytes);
	else
		error = report_parse_time(text, &l.time_ns) != 0 || l.time_ns <= 0 ? -EINVAL : 0;
	if (!error)
		*ret_limit = l;
	return error;
}
