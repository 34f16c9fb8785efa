/* SPDX-License-Identifier: MIT */
/* folded.h - a stack as one text, for the folded format and the CSV. */
#ifndef MEMWHY_FOLDED_H
#define MEMWHY_FOLDED_H

#include "stack_model.h"

/* "main;parse;name": the outermost function first. ';' in a name is a ':', a control byte a
 * blank, bytes that are not UTF-8 a '?'. NULL: out of memory; else the caller frees it. */
char *folded_text(const struct stack_model *m, uint32_t node);

#endif
