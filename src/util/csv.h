/* SPDX-License-Identifier: MIT */
/*
 * csv.h - rows by RFC 4180: fields parted by commas, lines ended by CR LF, quotes only
 * where needed. A figure that could not be had is an empty field.
 */
#ifndef MEMWHY_CSV_H
#define MEMWHY_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct csv {
	FILE *out;    /* borrowed */
	bool started; /* the line has a field */
};
void csv_init(struct csv *c, FILE *out);
void csv_integer(struct csv *c, int64_t value);
void csv_unsigned(struct csv *c, uint64_t value);
void csv_hex(struct csv *c, uint64_t value); /* "0x7f..." */
void csv_text(struct csv *c, const char *text);
void csv_empty(struct csv *c);
void csv_integer_or_empty(struct csv *c, int64_t value, bool had);
/* 0, or -errno when the stream has failed. */
int csv_end_line(struct csv *c);

#endif
