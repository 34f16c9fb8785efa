/* SPDX-License-Identifier: MIT */
/*
 * json.h - writes JSON to a stream: commas, indentation and escapes. The caller keeps
 * objects and arrays paired; bytes that are not UTF-8 become U+FFFD.
 */
#ifndef MEMWHY_JSON_H
#define MEMWHY_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;      /* borrowed */
	unsigned depth;
	bool comma;     /* something precedes at this depth */
};

void json_init(struct json *j, FILE *out);
/* key: NULL inside an array and at the top. */
void json_begin_object(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_begin_array(struct json *j, const char *key);
void json_end_array(struct json *j);
void json_string(struct json *j, const char *key, const char *value); /* NULL: null */
void json_integer(struct json *j, const char *key, int64_t value);
/* Not finite: null. */
void json_real(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
/* value if had, else null. */
void json_integer_or_null(struct json *j, const char *key, int64_t value, bool had);

/* -1 is "unknown" in the structs of store.h and recording.h: null. */
void json_known(struct json *j, const char *key, int64_t value);

/* The string alone, with its quotes. */
void json_print_string(FILE *out, const char *text);

#endif
