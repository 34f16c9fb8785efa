/* SPDX-License-Identifier: MIT */
/*
 * export.h - a recording in other people's formats, one file each. Output streams:
 * nothing is held in memory but a row, and where it is about call stacks their model.
 */
#ifndef MEMWHY_EXPORT_H
#define MEMWHY_EXPORT_H

#include "stack_model.h"

#include <stdio.h>

struct recording;

struct export_options {
	const char *table;           /* NULL: the first */
	struct stack_query stacks;   /* for those about call stacks: which figure, which moment */
};
struct export_format {
	const char *name;            /* "csv" */
	const char *summary;         /* a few words for --help */
	const char *const *tables;   /* NULL-terminated, may be empty; the first is the default */
	/* 0, -EINVAL: no such table, -EBADMSG: damaged (recording_error() has the
	 * sentence), -EIO: `out` failed (errno's value if known), and those of stack_model_init(). */
	int (*write)(struct recording *r, const struct export_options *options, FILE *out);
};
extern const struct export_format export_csv, export_folded, export_pprof, export_speedscope;
extern const char *const export_no_tables[];
int export_csv_stacks(const struct stack_model *m, FILE *out); /* the table "stacks" of CSV */
/* NULL-terminated, in the order of --help. */
extern const struct export_format *const export_formats[];
/* NULL if there is none of that name. */
const struct export_format *export_format_by_name(const char *name);

/* The sentence for an error of write(). */
const char *export_error_text(const struct recording *r, int result);

/* For formats that are about call stacks: loads the model, calls fn, frees it. */
int export_with_stacks(struct recording *r, const struct export_options *options,
		       int (*fn)(const struct stack_model *m, FILE *out), FILE *out);
/* 0, or -errno of a stream that has failed. */
int export_flush(FILE *out);

/* For `memwhy run --csv`: opens the recording, writes one table ("samples", "ledger",
 * "processes", "mappings", "stacks", ...; NULL: samples) as RFC 4180, closes it. On failure one line
 * on stderr was printed already; -errno. */
int export_csv_table(const char *recording_path, const char *table, FILE *out);

#endif
