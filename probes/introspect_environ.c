/* SPDX-License-Identifier: MIT */
/* introspect_environ.c - see introspect_environ.h. */
#include "introspect_environ.h"

#include <string.h>

static const char *const prefixes[] = { "GLIBC_TUNABLES=", "MALLOC_", "MIMALLOC_", "TCMALLOC_" };
static char copied[2048]; /* "NAME=VALUE" and a NUL, each */
static size_t copied_bytes;

static bool is_an_allocators(const char *variable)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (!strncmp(variable, prefixes[i], strlen(prefixes[i])))
			return strchr(variable, '=') != NULL;
	return false;
}

void introspect_copy_environment(char *const *environment)
{
	for (; environment && *environment; environment++) {
		size_t bytes = strlen(*environment) + 1;
		if (!is_an_allocators(*environment) || bytes > sizeof copied - copied_bytes)
			continue;
		memcpy(copied + copied_bytes, *environment, bytes);
		copied_bytes += bytes;
	}
}

void introspect_put_environment(struct introspect_writer *w)
{
	for (size_t at = 0; at < copied_bytes; at += strlen(copied + at) + 1) {
		char name[64] = "";
		const char *equals = strchr(copied + at, '=');
		size_t bytes = (size_t)(equals - (copied + at));
		if (bytes >= sizeof name)
			continue;
		memcpy(name, copied + at, bytes);
		introspect_put_text(w, name, equals + 1);
	}
}
