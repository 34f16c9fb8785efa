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
	"LD_DEBUG*", "LD_PROFILE*", "LD_SHOW_AUXV", "LD_TRACE_LOADED_OBJECTS", WIRE_ENV, WIRE_IDENTIFY_ENV,
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

char **identify_environment(char *const *env, const char *probe_path)
{
	static const char preload[] = "LD_PRELOAD=";
	size_t count = 0, text = sizeof preload + strlen(probe_path), n = 0;
	while (env && env[count])
		count++;
	char **copy = malloc((count + 3) * sizeof *copy + text + TASK_SIZE);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_left_out(env[i]))
			copy[n++] = env[i];
	char *at = (char *)(copy + count + 3);
	snprintf(at, text, "%s%s", preload, probe_path);
	copy[n++] = at;
	snprintf(at + text, TASK_SIZE, WIRE_IDENTIFY_ENV "=%u:%u", WIRE_IDENTIFY_VERSION, (unsigned)getpid());
	copy[n++] = at + text;
	copy[n] = NULL;
	return copy;
}
