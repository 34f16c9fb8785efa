/* SPDX-License-Identifier: MIT */
/*
 * compare_rows.h - from the command line to rows: the product of commands, allocators and
 * settings, in this order, the last one varying fastest. Each row has copies of its own.
 */
#ifndef MEMWHY_COMPARE_ROWS_H
#define MEMWHY_COMPARE_ROWS_H

#include "compare.h"

#define COMPARE_SETTINGS_MAX 8

struct compare_request {
	char *const *commands;       /* a command line each; or, if argv is set, not looked at */
	size_t command_count;
	char *const *argv;           /* one command, its words parted already; NULL: see above */
	bool shell;                  /* command lines are for /bin/sh */
	const char *allocators;      /* "glibc,jemalloc,/path/lib.so"; NULL: as the program is */
	const char *settings[COMPARE_SETTINGS_MAX]; /* "NAME=V1,V2" */
	size_t setting_count;
};
/* -EINVAL: ret_error says what is wrong; -ENOMEM. */
int compare_make_rows(const struct compare_request *q, struct compare *ret_compare, char *ret_error, size_t error_size);

/* Words parted by blanks; '...', "..." and \ as a shell has them, and nothing else of it.
 * ret_words: NULL-terminated, each and the list to be freed. -EINVAL: a quote is not closed,
 * or a backslash is last; -ENODATA: there is no word; -ENOMEM. */
int compare_split(const char *text, char ***ret_words);

/* A library that replaces malloc, by its name (jemalloc, mimalloc, tcmalloc) or path; glibc is
 * "". -EINVAL: ret_error says why not. */
int compare_find_allocator(const char *name, char *ret_path, size_t size, char *ret_error, size_t error_size);

#endif
