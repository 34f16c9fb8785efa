/* SPDX-License-Identifier: MIT */
/* gperftools' tcmalloc as a shared object: footprints are its size classes. */
#define _GNU_SOURCE
#include "adapters.h"
#include <dlfcn.h>

static void version(char *ret, size_t size)
{
	const char *(*tc_version)(int *, int *, const char **);
	*(void **)&tc_version = dlsym(RTLD_NEXT, "tc_version");
	int major = 0, minor = 0;
	const char *patch = "";
	if (!tc_version)
		return;
	tc_version(&major, &minor, &patch);
	char text[32];
	adapter_format_version(text, sizeof text, major, minor, -1);
	adapter_copy_text(ret, size, text);
}

const struct adapter adapter_tcmalloc = { "tcmalloc", "tc_version", HEAP_LEARN, true, version };
