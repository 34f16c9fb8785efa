/* SPDX-License-Identifier: MIT */
/* mimalloc as a shared object: footprints are its block sizes. mi_version() counts
 * 100 * major + minor digits (mimalloc.h: 209 is 2.0.9, 2104 would be 2.10.4 in the
 * five-digit form). */
#define _GNU_SOURCE
#include "adapters.h"
#include <dlfcn.h>

static void version(char *ret, size_t size)
{
	int (*mi_version)(void);
	*(void **)&mi_version = dlsym(RTLD_NEXT, "mi_version");
	if (!mi_version)
		return;
	int v = mi_version();
	int major = v < 1000 ? v / 100 : v / 1000, rest = v < 1000 ? v % 100 : v % 1000;
	int split = v < 1000 ? 10 : 100;
	char text[32];
	adapter_format_version(text, sizeof text, major, rest / split, rest % split);
	adapter_copy_text(ret, size, text);
}

const struct adapter adapter_mimalloc = { "mimalloc", "mi_version", HEAP_LEARN, true, version };
