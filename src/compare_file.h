/* SPDX-License-Identifier: MIT */
/* compare_file.h - what a program's or library's file says, read and never changed. 0 or
 * -errno; outputs untouched on failure. The file may be hostile. */
#ifndef MEMWHY_COMPARE_FILE_H
#define MEMWHY_COMPARE_FILE_H

#include <stddef.h>
#include <stdint.h>

int compare_file_size(const char *path, int64_t *ret_bytes);
/* What GNU strip would leave: contents up to the end of what is loaded, the sections behind
 * it that are neither symbols nor debugging, and section headers for all that stay. Within a
 * few dozen bytes, for strip lets names share their ends. -ENOEXEC: no ELF file, or a damaged one. */
int compare_file_stripped_size(const char *path, int64_t *ret_bytes);
/* Is it a shared object of this machine that defines malloc and free? NULL: yes; else a
 * clause why not (static storage). */
const char *compare_file_no_allocator(const char *path);

#endif
