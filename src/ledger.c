/* SPDX-License-Identifier: MIT */
/* The ledger's arithmetic and its table of terms; see ledger.h. */
#include "ledger.h"

#include <string.h>

#define TOTAL LEDGER_TOTAL
#define SUM LEDGER_SUM
#define LIVE LEDGER_LIVE
#define BESIDE LEDGER_BESIDE
const struct ledger_term_info ledger_term_infos[LEDGER_TERMS] = {
#define TERM(name, kind, label, ret, meaning) { #name, kind, label, LEDGER_##ret, meaning },
#include "ledger_terms.def"
#undef TERM
};

static int64_t sum_of_parts(const struct ledger *l)
{
	int64_t sum = 0;
	for (int t = 0; t < LEDGER_TERMS; t++)
		if (ledger_term_infos[t].kind == LEDGER_SUM)
			sum += l->bytes[t];
	return sum;
}

void ledger_close(struct ledger *l)
{
	l->bytes[LEDGER_T_unexplained] = 0;
	l->bytes[LEDGER_T_unexplained] = l->bytes[LEDGER_T_rss] - sum_of_parts(l);
}

bool ledger_is_balanced(const struct ledger *l)
{
	if (sum_of_parts(l) != l->bytes[LEDGER_T_rss])
		return false;
	/* without page states live bytes are known, but not where they lie */
	if (!ledger_has(l, LEDGER_T_live_requested) || !ledger_has(l, LEDGER_T_live_requested_resident))
		return true;
	return l->bytes[LEDGER_T_live_requested] ==
	       l->bytes[LEDGER_T_live_requested_resident] +
	       l->bytes[LEDGER_T_live_untouched] + l->bytes[LEDGER_T_live_swapped];
}

int ledger_term_by_name(const char *name)
{
	size_t n = strlen(name);
	if (n > 6 && !strcmp(name + n - 6, "_bytes"))
		n -= 6;
	for (int t = 0; t < LEDGER_TERMS; t++)
		if (strlen(ledger_term_infos[t].name) == n && !strncmp(ledger_term_infos[t].name, name, n))
			return t;
	return -1;
}
