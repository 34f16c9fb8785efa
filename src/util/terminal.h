/* SPDX-License-Identifier: MIT */
/* terminal.h - what the place that output goes to can show. */
#ifndef MEMWHY_TERMINAL_H
#define MEMWHY_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#define TERMINAL_WIDTH_DEFAULT 80
#define TERMINAL_WIDTH_MIN 40
#define TERMINAL_WIDTH_MAX 160

/* Columns; the default where out is no terminal. Always within MIN..MAX. */
int terminal_width(FILE *out);
/* A terminal that isn't dumb, and NO_COLOR is unset or empty. */
bool terminal_has_colour(FILE *out);
/* The locale's charset is UTF-8 (by the environment; setlocale() isn't needed). */
bool terminal_has_utf8(void);

#endif
