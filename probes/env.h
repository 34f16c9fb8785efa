/* SPDX-License-Identifier: MIT */
/*
 * env.h - editing environment lists: taking memwhy's two variables (WIRE_ENV and its
 * entry of LD_PRELOAD) out of what the target sees, and putting them back into what it
 * hands to exec. Pure: no allocation, no libc state, callable in signal handlers and in
 * vfork children. Lists are NULL-terminated arrays of "NAME=value"; NULL is an empty one.
 */
#ifndef MEMWHY_ENV_H
#define MEMWHY_ENV_H

#include "../src/wire.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENV_LIBRARY_NAME "libmemwhy-probe.so"

/* What was taken out; "" where there was no such thing. */
struct env_ours {
	char wire[256];         /* the whole entry, "MEMWHY_PROBE=..." */
	char library[PATH_MAX]; /* our entry of LD_PRELOAD as it was written */
};

/* WIRE_ENV's value in parts. */
struct env_wire {
	uint32_t version, flags;
	char socket_name[108];  /* of an abstract address, without its leading NUL */
	char token[WIRE_TOKEN_LEN + 1];
};

/* False, and *ret untouched, when the value is malformed. */
bool env_parse_wire(const char *value, struct env_wire *ret);

/* Removes ours from the list in place and copies it to *ret; also a stray WIRE_IDENTIFY_ENV. An LD_PRELOAD that had
 * other entries, or was set and empty, keeps the exact text it had without ours: its
 * string is edited in place. Freed places at the list's end become NULL. False when the
 * list has no WIRE_ENV (then nothing is changed, *ret untouched). */
bool env_take(char **list, struct env_ours *ret);

/* Bytes that env_put() needs for this list. */
size_t env_put_size(char *const *list, const struct env_ours *ours);
/* A list in buffer (aligned for pointers) that has ours again; entries that did not
 * change are shared with the old list. The list itself when it has a WIRE_ENV already:
 * whoever put that there wants another collector. */
char *const *env_put(char *const *list, const struct env_ours *ours, void *buffer);

/* One decimal number that ends at `end` (which is skipped unless it is 0); false if it is none
 * or too large. */
bool env_parse_number(const char **at, char end, uint32_t *ret);

/* The value of a variable in a list, or NULL. */
const char *env_get(char *const *list, const char *name);

#endif
