/* SPDX-License-Identifier: MIT */
/* Figures for people; see units.h. */
#include "util/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIB 1024.0
#define MIB (KIB * KIB)
#define GIB (MIB * KIB)

const char *units_bytes(int64_t bytes, char ret[static UNITS_SIZE])
{
	double value = (double)bytes, size = value < 0 ? -value : value;
	if (size < KIB)
		snprintf(ret, UNITS_SIZE, "%" PRId64 " B", bytes);
	else if (size < MIB / 10)
		snprintf(ret, UNITS_SIZE, "%.1f KiB", value / KIB);
	else if (size < 10 * GIB)
		snprintf(ret, UNITS_SIZE, "%.1f MiB", value / MIB);
	else
		snprintf(ret, UNITS_SIZE, "%.2f GiB", value / GIB);
	return ret;
}

const char *units_count(uint64_t count, char ret[static UNITS_SIZE])
{
	char digits[UNITS_SIZE];
	int n = snprintf(digits, sizeof digits, "%" PRIu64, count);
	char *to = ret;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = 0;
	return ret;
}

const char *units_duration(int64_t ns, char ret[static UNITS_SIZE])
{
	double seconds = (double)ns / 1e9;
	int64_t whole = ns / 1000000000;
	if (ns < 100000000)
		snprintf(ret, UNITS_SIZE, "%.1f ms", (double)ns / 1e6);
	else if (whole < 120)
		snprintf(ret, UNITS_SIZE, "%.2f s", seconds);
	else if (whole < 7200)
		snprintf(ret, UNITS_SIZE, "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
	else
		snprintf(ret, UNITS_SIZE, "%" PRId64 " h %" PRId64 " min", whole / 3600, whole / 60 % 60);
	return ret;
}
