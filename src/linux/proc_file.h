/* SPDX-License-Identifier: MIT */
/* proc_file.h - whole files of procfs and cgroupfs into memory, and numbers out of them. */
#ifndef MEMWHY_LINUX_PROC_FILE_H
#define MEMWHY_LINUX_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads at most size - 1 bytes and a NUL. */
int proc_read_small(int directory, const char *name, char *ret_text, size_t size, size_t *ret_length);
/* Reads the whole file into *text, which grows (realloc) up to max bytes: -EFBIG beyond. */
int proc_read_whole(int directory, const char *name, size_t max, char **text, size_t *capacity, size_t *ret_length);
/* "KEY:   123 kB" in a status or smaps text; bytes, or -1. key with its colon. */
int64_t proc_find_kib(const char *text, const char *key);

/* Parsers that take what they can from *at (below end) and move it on; false: no digit. */
bool proc_take_hex(const char **at, const char *end, uint64_t *ret_value);
bool proc_take_decimal(const char **at, const char *end, uint64_t *ret_value);
bool proc_take_char(const char **at, const char *end, char c);

#endif
