/* SPDX-License-Identifier: MIT */
/* stack_fold.c - see stack_fold.h. */
#include "stack_fold.h"

#include <string.h>

/* The last `period` frames repeat those before. */
static int repeats(const uint64_t *ips, size_t count, size_t period)
{
	return count >= 2 * period && ips[count - 1] == ips[count - 1 - period] &&
	       !memcmp(ips + count - period, ips + count - 2 * period, period * sizeof *ips);
}

size_t stack_fold(uint64_t *ips, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		ips[kept++] = ips[i];
		for (size_t period = 1; period <= STACK_FOLD_PERIOD; period++)
			if (repeats(ips, kept, period)) {
				kept -= period;
				break;
			}
	}
	return kept;
}
