/* SPDX-License-Identifier: MIT */
/* verdict_stacks.h - who holds what the findings are about: names out of the recording's call
 * stacks, where it has any. */
#ifndef MEMWHY_VERDICT_STACKS_H
#define MEMWHY_VERDICT_STACKS_H

#include "verdict.h"

/* Fills the findings' holders, and has_stacks. No stacks, or none that tell, is no error.
 * -ENOMEM, or recording.h's errors; then holders may be there already. */
int verdict_name_holders(struct recording *r, const struct report_model *m, struct verdict *v);

#endif
