/* SPDX-License-Identifier: MIT */
/* A small JSON writer; see json.h. */
#include "util/json.h"

#include "util/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void json_init(struct json *j, FILE *out)
{
	*j = (struct json){ .out = out };
}

static void begin_value(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->out);
	if (j->depth)
		fprintf(j->out, "\n%*s", (int)j->depth * 2, "");
	j->comma = true;
	if (key) {
		json_print_string(j->out, key);
		fputs(": ", j->out);
	}
}

static void begin_group(struct json *j, const char *key, char open)
{
	begin_value(j, key);
	fputc(open, j->out);
	j->depth++;
	j->comma = false;
}

static void end_group(struct json *j, char close)
{
	j->depth--;
	if (j->comma)
		fprintf(j->out, "\n%*s", (int)j->depth * 2, "");
	fputc(close, j->out);
	j->comma = true;
	if (!j->depth)
		fputc('\n', j->out);
}

void json_begin_object(struct json *j, const char *key)
{
	begin_group(j, key, '{');
}

void json_end_object(struct json *j)
{
	end_group(j, '}');
}

void json_begin_array(struct json *j, const char *key)
{
	begin_group(j, key, '[');
}

void json_end_array(struct json *j)
{
	end_group(j, ']');
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_null(j, key);
		return;
	}
	begin_value(j, key);
	json_print_string(j->out, value);
}

void json_integer(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void json_real(struct json *j, const char *key, double value)
{
	if (!isfinite(value)) {
		json_null(j, key);
		return;
	}
	begin_value(j, key);
	fprintf(j->out, "%.15g", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin_value(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	begin_value(j, key);
	fputs("null", j->out);
}

void json_integer_or_null(struct json *j, const char *key, int64_t value, bool had)
{
	if (had)
		json_integer(j, key, value);
	else
		json_null(j, key);
}

void json_known(struct json *j, const char *key, int64_t value)
{
	json_integer_or_null(j, key, value, value >= 0);
}

static void print_character(FILE *out, const char *at, size_t length)
{
	unsigned char c = (unsigned char)*at;
	if (!length)
		fputs("\\ufffd", out);
	else if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c == '\n')
		fputs("\\n", out);
	else if (c == '\t')
		fputs("\\t", out);
	else if (c < 0x20 || c == 0x7f)
		fprintf(out, "\\u%04x", c);
	else
		fwrite(at, 1, length, out);
}

void json_print_string(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		size_t length = text_utf8_length(text);
		print_character(out, text, length);
		text += length ? length : 1;
	}
	fputc('"', out);
}
