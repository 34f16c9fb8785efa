/* SPDX-License-Identifier: MIT */
/*
 * text.h - other people's strings (command lines, paths) made safe to show: no control
 * character reaches a terminal, no half of a UTF-8 sequence leaves memwhy.
 */
#ifndef MEMWHY_TEXT_H
#define MEMWHY_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Bytes of the well-formed UTF-8 character at text (1 to 4), 0 if there is none. Not
 * for the terminating NUL. */
size_t text_utf8_length(const char *text);

/* For a terminal, on one line: line ends and tabs as blanks, other control and malformed
 * bytes as '?', at most max_columns characters
 * (0: no limit), the cut marked by "...". utf8 false: all but ASCII as '?'. Returns the
 * number of columns, counting one for each character. */
size_t text_print_safe(FILE *out, const char *text, size_t max_columns, int utf8);

/* One word as a shell would read it: quoted only where needed. */
void text_print_quoted(FILE *out, const char *word);

/* Words parted by blanks (a number and the word behind it stay together), over as many lines of `width` columns as they need; lines but
 * the first begin with `indent` blanks. `column`: how far the first line is already. Ends
 * with a newline. Safe as above. */
void text_print_wrapped(FILE *out, const char *text, size_t column, size_t indent, size_t width, int utf8);

/* What follows the last '/', "" if that is nothing. Points into path. */
const char *text_base_name(const char *path);

#endif
