/* SPDX-License-Identifier: MIT */
/* identify_environment.c - see identify_environment.h. What is left out is a table. */
#include "identify_environment.h"

#include "wire.h"
#include "wire_identify.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASK_SIZE sizeof WIRE_IDENTIFY_ENV "=4294967295:4294967295"

/* Patterns of names. */
static const char *const left_out[] = {
	"MALLOC_*", "*MALLOC_CONF", "MIMALLOC_*", "TCMALLOC_*", "GLIBC_TUNABLES", "LD_PRELOAD", "LD_AUDIT",
	"LD_DEBUG*", "LD_PROFILE*", "LD_SHOW_AUXV", "LD_TRACE_LOADED_OBJECTS", WIRE_ENV, WIRE_IDENTIFY_ENV, WIRE_IDENTIFY_MODULE_ENV,
};

static bool is_left_out(const char *entry)
{
	char name[64];
	size_t n = strcspn(entry, "=");
	if (n >= sizeof name)
		return false;
	memcpy(name, entry, n);
	name[n] = 0;
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (fnmatch(left_out[i], name, 0) == 0)
			return true;
	return false;
}

/* A copy of "NAME=value" at *at, which is moved behind it. */
static char *join(char **at, const char *name, const char *value)
{
	char *entry = *at;
	*at += sprintf(entry, "%s=%s", name, value) + 1;
	return entry;
}

char **identify_environment(char *const *env, const char *probe_path, const char *module)
{
	/* a module's static TLS may be more than what the loader keeps free for it */
	static const char tls[] = "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536";
	static const char preload[] = "LD_PRELOAD";
	size_t count = 0, n = 0;
	size_t text = sizeof preload + strlen(probe_path) + 1;
	text += module ? sizeof WIRE_IDENTIFY_MODULE_ENV + strlen(module) + 1 : 0;
	while (env && env[count])
		count++;
	char **copy = malloc((count + 5) * sizeof *copy + text + TASK_SIZE);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_left_out(env[i]))
			copy[n++] = env[i];
	char *at = (char *)(copy + count + 5);
	copy[n++] = join(&at, preload, probe_path);
	if (module) {
		copy[n++] = join(&at, WIRE_IDENTIFY_MODULE_ENV, module);
		copy[n++] = (char *)(uintptr_t)tls;
	}
	snprintf(at, TASK_SIZE, WIRE_IDENTIFY_ENV "=%u:%u", WIRE_IDENTIFY_VERSION, (unsigned)getpid());
	copy[n++] = at;
	copy[n] = NULL;
	return copy;
}
