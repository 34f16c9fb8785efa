/* SPDX-License-Identifier: MIT */
/*
 * export.h - a recording in other people's formats, one file each. Output streams:
 * nothing is held in memory but a row.
 */
#ifndef MEMWHY_EXPORT_H
#define MEMWHY_EXPORT_H

#include <stdio.h>

struct recording;

struct export_format {
	const char *name;            /* "csv" */
	const char *summary;         /* a few words for --help */
	const char *const *tables;   /* NULL-terminated; the first is the default */
	/* 0, -EINVAL: no such table, -EBADMSG: damaged (recording_error() has the
	 * sentence), -EIO: `out` failed (errno's value if known). */
	int (*write)(struct recording *r, const char *table, FILE *out);
};
extern const struct export_format export_csv;
/* NULL-terminated, in the order of --help. */
extern const struct export_format *const export_formats[];
/* NULL if there is none of that name. */
const struct export_format *export_format_by_name(const char *name);

/* The sentence for an error of write(). */
const char *export_error_text(const struct recording *r, int result);

/* For `memwhy run --csv`: opens the recording, writes one table ("samples", "ledger",
 * "processes", "mappings", ...; NULL: samples) as RFC 4180, closes it. On failure one line
 * on stderr was printed already; -errno. */
int export_csv_table(const char *recording_path, const char *table, FILE *out);

#endif
