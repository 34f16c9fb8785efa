/* SPDX-License-Identifier: MIT */
/*
 * report.h - what a person or a script is shown of a recording. The report is about
 * one process (the one with the largest resident peak, unless one is asked for), one
 * line for each other, and the sum over the tree.
 * Errors: 0 or -errno; nothing is printed but to `out`.
 */
#ifndef MEMWHY_REPORT_H
#define MEMWHY_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct recording;

enum report_moment { REPORT_AT_PEAK, REPORT_AT_LIVE_PEAK, REPORT_AT_EXIT, REPORT_AT_TIME };

struct report_options {
	enum report_moment at;
	int64_t at_ns;   /* for REPORT_AT_TIME: since the run's start; the nearest snapshot is taken */
	int64_t pid;     /* 0: the process with the largest resident peak */
	int verbose;     /* 1: every term and every process */
	int width;       /* columns; 0: the terminal's, else 80 */
	int colour;      /* -1: by NO_COLOR, TERM and isatty; 0 or 1 */
	int utf8;        /* -1: by the locale's charset; 0 or 1 */
};
#define REPORT_OPTIONS_DEFAULT { REPORT_AT_PEAK, 0, 0, 0, 0, -1, -1 }

/* The format for people. -EBADMSG: the recording is damaged, -ESRCH: no such pid,
 * -ENODATA: nothing was recorded of any process. recording_error() has the sentence. */
int report_print_summary(struct recording *r, const struct report_options *options, FILE *out);
/* The format for scripts: data/memwhy-report.schema.json. Errors as above. */
int report_print_json(struct recording *r, const struct report_options *options, FILE *out);

/* What `memwhy why` prints: data/memwhy-why.schema.json. at: PEAK or EXIT, what comes first.
 * Errors as above. */
int report_print_why(struct recording *r, const struct report_options *options, FILE *out);
int report_print_why_json(struct recording *r, const struct report_options *options, FILE *out);

/* What `memwhy run` prints when the target has ended: opens, prints the summary of the
 * resident peak, closes. On failure one line on stderr was printed already; -errno. */
int report_summary(const char *recording_path, FILE *out, int verbose);

/* The sentence for an error of the two print functions. */
const char *report_error_text(const struct recording *r, int result);

/* "1.5", "1.5s", "200ms", "40us", "3m", "1h": nanoseconds. -EINVAL, -ERANGE. */
int report_parse_time(const char *text, int64_t *ret_ns);

#endif
