/* SPDX-License-Identifier: MIT */
/* adapters.h - what the adapters share. No stdio: this runs inside the first malloc. */
#ifndef MEMWHY_ADAPTERS_H
#define MEMWHY_ADAPTERS_H
#include "../heap.h"

extern const struct adapter adapter_glibc, adapter_jemalloc, adapter_mimalloc, adapter_tcmalloc;

void adapter_copy_text(char *ret, size_t size, const char *text);
/* "major.minor.patch"; a negative part ends it. */
void adapter_format_version(char *ret, size_t size, int major, int minor, int patch);
#endif
