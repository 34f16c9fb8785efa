/* SPDX-License-Identifier: MIT */
/* jemalloc as a shared object: footprints are its size classes. */
#define _GNU_SOURCE
#include "adapters.h"
#include <dlfcn.h>

static void version(char *ret, size_t size)
{
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	*(void **)&mallctl = dlsym(RTLD_NEXT, "mallctl");
	const char *text = NULL;
	size_t length = sizeof text;
	if (mallctl && mallctl("version", &text, &length, NULL, 0) == 0 && text)
		adapter_copy_text(ret, size, text);
}

const struct adapter adapter_jemalloc = { "jemalloc", "mallctl", HEAP_LEARN, true, version };
