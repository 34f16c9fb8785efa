/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - where each resident byte of one process at one instant belongs.
 *
 * Invariant (ledger_is_balanced): the SUM terms add up to rss, and
 *   live_requested = live_requested_resident + live_untouched + live_swapped.
 * A term that could not be had is marked absent; it is then 0 in the sum and
 * shown as a dash, an empty CSV field or a JSON null, never as a zero.
 * Formulas: memwhy-ledger(7).
 */
#ifndef MEMWHY_LEDGER_H
#define MEMWHY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ledger_kind { LEDGER_TOTAL, LEDGER_SUM, LEDGER_LIVE, LEDGER_BESIDE };
enum ledger_return { LEDGER_NONE, LEDGER_NOW, LEDGER_SETTING, LEDGER_PROGRAM };

enum ledger_term {
#define TERM(name, kind, label, ret, meaning) LEDGER_T_##name,
#include "ledger_terms.def"
#undef TERM
	LEDGER_TERMS
};

struct ledger_term_info {
	const char *name;   /* without "_bytes" */
	enum ledger_kind kind;
	const char *label;
	enum ledger_return gives_back;
	const char *meaning;
};
extern const struct ledger_term_info ledger_term_infos[LEDGER_TERMS];

struct ledger {
	int64_t bytes[LEDGER_TERMS]; /* only unexplained may be negative */
	uint32_t absent;             /* bit LEDGER_T_x: could not be had */
};
_Static_assert(LEDGER_TERMS <= 32, "absent is a 32-bit set");

static inline bool ledger_has(const struct ledger *l, enum ledger_term t)
{
	return !(l->absent >> t & 1);
}
static inline void ledger_set_absent(struct ledger *l, enum ledger_term t)
{
	l->absent |= 1u << t;
	l->bytes[t] = 0;
}

/* Sets unexplained = rss - (the other SUM terms), and live_requested_resident's
 * complement is left alone. Pure. */
void ledger_close(struct ledger *l);
/* True if both identities of the file comment hold to the byte. Pure. */
bool ledger_is_balanced(const struct ledger *l);
/* Term by its name (without or with "_bytes"), or -1. Pure. */
int ledger_term_by_name(const char *name);

#endif
