/* SPDX-License-Identifier: MIT */
/*
 * recording_symbols.h - names for the frames of a finished recording: looked up in the files
 * of its modules as they are now (symbolize.h), kept in its table `symbol`. One transaction
 * at the end: a full disk or a kill leaves the names of before. The recording and the
 * modules are untrusted, and the libraries that read DWARF are large: use
 * recording_symbols_guarded(), where a crash or a hang costs one module its names.
 * Errors: 0 or -errno with a sentence that starts with the path, as recording_open().
 */
#ifndef MEMWHY_RECORDING_SYMBOLS_H
#define MEMWHY_RECORDING_SYMBOLS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recording_symbols_options {
	const char *const *debug_dirs; /* NULL-terminated; NULL: none */
	bool anew;                     /* replace names that are as good as the new ones */
	uint64_t limit_ns;             /* what it may take; then the rest is left; 0: no limit */
	const char *const *skip;       /* modules by path that are not to be opened; NULL-terminated or NULL */
	char *current;                 /* PATH_MAX bytes: the module that is being read, for who watches; NULL */
};
struct recording_symbols_result {
	uint64_t frames;               /* of modules that are files */
	uint64_t named, with_lines;    /* those that have names, and files too, now or from before */
	uint64_t late;                 /* left, because of the limit */
	uint32_t modules;              /* that frames are in: files by path and build id */
	uint32_t gone;                 /* of them replaced or deleted since they were loaded */
	uint32_t unreadable;           /* and those that could not be read */
	char example[PATH_MAX];        /* one that is gone or could not be read; "" */
	char refused[PATH_MAX];        /* a debug file of another build, not used; "" */
};

/* -ENODATA: it has no call stacks. */
int recording_symbols_add(const char *path, const struct recording_symbols_options *options,
			  struct recording_symbols_result *ret_result, char *ret_error, size_t error_size);
/* The same in a child process, again without the module that ended it; `skip` and `current`
 * of the options are not looked at. Twice limit_ns and some seconds at the most. */
int recording_symbols_guarded(const char *path, const struct recording_symbols_options *options,
			      struct recording_symbols_result *ret_result, char *ret_error, size_t error_size);
/* What a person should know of it, one clause; false: nothing. */
bool recording_symbols_complaint(const struct recording_symbols_result *r, char *ret_text, size_t size);

#endif
