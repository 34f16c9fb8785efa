/* SPDX-License-Identifier: MIT */
/*
 * introspect_writer.h - puts values and settings into a struct wire_reading, within its
 * bounds. Counts are kept here and not read back from shared memory. No allocation.
 */
#ifndef MEMWHY_INTROSPECT_WRITER_H
#define MEMWHY_INTROSPECT_WRITER_H

#include "../src/wire_reading.h"

#include <stdbool.h>
#include <stddef.h>

struct introspect_writer {
	struct wire_reading *to;
	uint32_t count, text_bytes;
	uint64_t lost;
};

/* Marks the reading as being written (seq odd) and empties it; settings stay. */
void introspect_begin(struct introspect_writer *w, struct wire_reading *to, uint64_t now_ns);
/* Completes it: seq even, and larger than before. */
void introspect_end(struct introspect_writer *w, enum wire_reading_result result, uint64_t now_ns);
/* arena: or WIRE_ARENA_ALL. */
void introspect_put(struct introspect_writer *w, enum wire_figure figure, int32_t arena, int64_t value);
/* A setting; one that has no room or a line break in it is left out whole. */
void introspect_put_text(struct introspect_writer *w, const char *name, const char *value);
void introspect_put_number(struct introspect_writer *w, const char *name, int64_t value);
/* No setting was written yet: they are asked for once, for they don't change. */
bool introspect_wants_settings(const struct introspect_writer *w);

/* Small texts without stdio: appends at ret[at], NUL-terminated, and returns the new end;
 * what has no room is cut off. */
size_t introspect_append(char *ret, size_t size, size_t at, const char *text);
size_t introspect_append_number(char *ret, size_t size, size_t at, int64_t value);

#endif
