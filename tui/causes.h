/* SPDX-License-Identifier: MIT */
/* causes.h - how the ledger's causes are told apart on a screen: a role, and a letter where
 * there is no colour. In the ledger's order; the probe's own part is in no figure. */
#ifndef MEMWHY_TUI_CAUSES_H
#define MEMWHY_TUI_CAUSES_H

#include "grid.h"
#include "ledger.h"

struct cause {
	enum ledger_term term;
	enum grid_role role;
	char letter;
};
#define CAUSES 12
extern const struct cause causes[CAUSES];

#endif
