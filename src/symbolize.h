/* SPDX-License-Identifier: MIT */
/*
 * symbolize.h - from an address in an ELF file to function, source file, line and inlined
 * functions: DWARF 4 and 5, .symtab, .dynsym, .gnu_debugdata, separate debug files by build
 * id and debuglink, compressed sections (elfutils); C++ and Rust names demangled by a library.
 * Where nothing names a function, its start from .eh_frame stands for it, so that equal
 * functions group. Files are untrusted: a section that lies gives no name, never a wrong one
 * and never a crash. One thread at a time. Errors: 0 or -errno, outputs untouched.
 */
#ifndef MEMWHY_SYMBOLIZE_H
#define MEMWHY_SYMBOLIZE_H

#include <stddef.h>
#include <stdint.h>

#define SYMBOLIZE_INLINED_MAX 32

struct symbolize_name {
	const char *function; /* demangled; "module+0xSTART" with the function's start where it has no name; NULL: nothing known */
	const char *file;     /* NULL: not known */
	int line;             /* 0: not known */
	const char *source;   /* "dwarf", "symtab", "dynsym", "debugdata", "eh_frame" */
};
/* Innermost first; the last is the function that has the code. Strings live until the file is closed. */
struct symbolize_names {
	struct symbolize_name names[SYMBOLIZE_INLINED_MAX];
	size_t count;
};
struct symbolize_file;
/* path: the module; build_id: hex, what it was when it was loaded; -ESTALE when the file has
 * another one now (deleted or replaced: no names are made up). debug_dirs: NULL-terminated,
 * searched before the system's; NULL: none. */
int symbolize_open(const char *path, const char *build_id, const char *const *debug_dirs, struct symbolize_file **ret_file);
void symbolize_close(struct symbolize_file *f);
/* A file that by its name is the module's debug file and was made with another build: it is
 * not used. NULL: none was met. Of the file's lifetime. */
const char *symbolize_refused(const struct symbolize_file *f);
/* address: the file's own (ip - bias), of the call itself and not of its return. -ENOENT:
 * nothing is known of it. */
int symbolize_address(struct symbolize_file *f, uint64_t address, struct symbolize_names *ret_names);

#endif
