/* SPDX-License-Identifier: MIT */
/* glibc's ptmalloc: the chunk's size is in the word in front of the block. */
#define _GNU_SOURCE
#include "adapters.h"
#include <gnu/libc-version.h>

static void version(char *ret, size_t size)
{
	adapter_copy_text(ret, size, gnu_get_libc_version());
}

const struct adapter adapter_glibc = { "glibc", "gnu_get_libc_version", HEAP_GLIBC, false, version };
